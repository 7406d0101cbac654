"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);

  // Sorting: numbers by size, everything else by text; rows without a value stay last either way.
  const compare = (a, b) => {
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", {numeric: true}) : x - y;
  };
  const sort = (header) => {
    const table = header.closest("table"), body = table.tBodies[0], column = header.cellIndex;
    const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * compare(x, y);
    });
    body.append(...rows);
  };
  for (const button of document.querySelectorAll("thead button"))
    button.addEventListener("click", () => sort(button.closest("th")));

  // A table shows as many columns as fit, by rank; its switch shows the rest, and then the table scrolls by itself.
  const show = (table, shown) => {
    for (const row of table.rows)
      for (const cell of row.cells) cell.hidden = !shown.has(cell.cellIndex);
  };
  const fit = (table) => {
    const box = table.parentElement, button = box.previousElementSibling;
    const headers = [...table.tHead.rows[0].cells];
    const all = new Set(headers.keys()), isAll = button.getAttribute("aria-pressed") === "true";
    if (box.clientWidth === 0) return;  // Inside closed details, which fit their tables when they open.
    show(table, all);
    const isTooWide = table.offsetWidth > box.clientWidth;
    const widths = headers.map((header) => header.getBoundingClientRect().width);
    const shown = new Set();
    let left = box.clientWidth;
    for (const index of [...headers.keys()].sort((a, b) => headers[a].dataset.rank - headers[b].dataset.rank)) {
      left -= widths[index];
      if (left < 0 && shown.size > 1) break;
      shown.add(index);
    }
    if (isTooWide && !isAll) show(table, shown);
    const rest = headers.length - shown.size;
    button.hidden = !isTooWide || rest === 0;
    button.textContent = isAll ? "Show fewer columns" : `Show ${rest} more column${rest === 1 ? "" : "s"}`;
  };
  const fitAll = () => { for (const table of document.querySelectorAll("table.sortable")) fit(table); };
  for (const button of document.querySelectorAll("button.columns"))
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
      fit(button.nextElementSibling.firstElementChild);
    });
  for (const details of document.querySelectorAll("main details")) details.addEventListener("toggle", fitAll);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    fitAll();
  });

  // Filters hide rows, whole tables and figures of other streams, and what is drawn of other methods:
  // lines, points, rows, panels and legend entries carry data-method.
  const boxes = [...document.querySelectorAll("input[name=learner]")];
  const filter = () => {
    const stream = byId("stream").value;
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const element of document.querySelectorAll("[data-stream], [data-learner]")) {
      const otherStream = stream && element.dataset.stream && element.dataset.stream !== stream;
      const otherLearner = element.dataset.learner && !shown.has(element.dataset.learner);
      element.hidden = Boolean(otherStream || otherLearner);
    }
    for (const element of document.querySelectorAll("[data-method]"))
      element.style.display = shown.has(element.dataset.method) ? "" : "none";
    byId("shown").textContent = (shown.size === boxes.length ? "all " : shown.size + " of ") + boxes.length;
  };
  byId("filters").addEventListener("change", () => { filter(); fitAll(); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  const setAll = (checked) => { for (const box of boxes) box.checked = checked; filter(); };
  byId("all").addEventListener("click", () => setAll(true));
  byId("none").addEventListener("click", () => setAll(false));

  // One run's configuration and provenance.
  const dialog = byId("run");
  const text = (lines) => lines.map((line) => data.lines[line]).join("\n") || "not recorded";
  for (const button of document.querySelectorAll("button.details"))
    button.addEventListener("click", () => {
      const run = data.runs[button.dataset.run];
      byId("run-title").textContent = button.dataset.run;
      for (const part of ["result", "provenance", "operative", "requested"])
        byId("run-" + part).textContent = text(run[part]);
      dialog.showModal();
    });
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  for (const button of document.querySelectorAll("button.enlarge"))
    button.addEventListener("click", () => {
      const large = button.closest("figure").classList.toggle("large");
      button.setAttribute("aria-pressed", large);
      button.textContent = large ? "Reduce" : "Enlarge";
      button.scrollIntoView({block: "nearest"});
    });

  // Theme: the system's, or chosen.
  const themes = ["system", "light", "dark"];
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    byId("theme").textContent = "Theme: " + next;
  });
  // A form restored by the browser's history keeps its state; so must the page.
  filter();
  fitAll();
})();
