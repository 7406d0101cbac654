"""The report's page in a real headless Chromium: it sorts, filters, explains runs, and asks nobody for anything."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from benchmark import export, report
from tests.benchmark import synthetic_records

webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed: pip install selenium")
By = pytest.importorskip("selenium.webdriver.common.by").By
WebDriverWait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(name="browser", scope="module")
def fixture_browser():
  binary, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
  if not binary or not driver:
    pytest.skip("Chromium and its driver are not installed: apt-get install chromium chromium-driver")
  options = webdriver.ChromeOptions()
  options.binary_location = binary
  for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
    options.add_argument(argument)
  options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
  started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
  yield started
  started.quit()


@pytest.fixture(name="url", scope="module")
def fixture_url(tmp_path_factory):
  folder = tmp_path_factory.mktemp("page")
  for run in synthetic_records.suite(streams=("cifar100", "stl10"), learners=("stl", "snn", "lasem_hps"), seeds=(0, 1),
                                     num_tasks=2):
    synthetic_records.write_run(run, folder / "runs")
  export.main(["export", f"--results_dir={folder / 'runs'}", f"--output_dir={folder / 'report'}"])
  report.main(["report", f"--results_dir={folder / 'report'}", "--baseline=stl"])
  return (folder / "report" / "index.html").as_uri()


@pytest.fixture(name="page")
def fixture_page(browser, url):
  return open_page(browser, url, DESKTOP, "light")


def open_page(browser, url, size, theme):
  browser.get_log("browser")
  browser.get_log("performance")
  browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
      "width": size[0],
      "height": size[1],
      "deviceScaleFactor": 1,
      "mobile": size == PHONE
  })
  browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                          {"features": [{
                              "name": "prefers-color-scheme",
                              "value": theme
                          }]})
  browser.get(url)
  return browser


def column(table, index) -> list[str]:
  return [
      row.find_elements(By.CSS_SELECTOR, "th, td")[index].text
      for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")
  ]


def shown(page, selector) -> int:
  return sum(element.is_displayed() for element in page.find_elements(By.CSS_SELECTOR, selector))


def screenshot(page) -> np.ndarray:
  return np.asarray(Image.open(io.BytesIO(page.get_screenshot_as_png())).convert("L"), dtype=float)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_shows_without_errors_or_requests(browser, url, size, theme):
  page = open_page(browser, url, size, theme)
  picture = screenshot(page)
  assert picture.std() > 5
  assert (np.median(picture) > 200) == (theme == "light")
  width = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
  assert width[0] <= width[1] == size[0]  # nothing but tables and figures scrolls sideways, each by itself
  page.execute_script("document.getElementById('figures').scrollIntoView()")
  assert screenshot(page).std() > 5
  assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
  sent = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
  urls = {message["params"]["request"]["url"] for message in sent if message["method"] == "Network.requestWillBeSent"}
  assert {requested for requested in urls if not requested.startswith("data:")} == {url}


def test_tables_sort_both_ways_by_number_and_by_name(page):
  table = page.find_element(By.CSS_SELECTOR, "#tables table")
  headers = table.find_elements(By.CSS_SELECTOR, "thead th")
  peak = next(index for index, header in enumerate(headers) if header.text.startswith("Peak"))
  button = headers[peak].find_element(By.TAG_NAME, "button")
  button.click()
  rising = [float(re.split("[±[]", text)[0]) for text in column(table, peak)]
  assert rising == sorted(rising) and headers[peak].get_attribute("aria-sort") == "ascending"
  assert column(table, 0)[0] == "SNN"
  button.send_keys(Keys.ENTER)
  falling = [float(re.split("[±[]", text)[0]) for text in column(table, peak)]
  assert falling == rising[::-1] and headers[peak].get_attribute("aria-sort") == "descending"
  headers[0].find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
  assert column(table, 0) == ["LASEM HPS", "SNN", "STL"]
  assert headers[peak].get_attribute("aria-sort") == "none"


def test_blank_cells_sort_last(page):
  table = page.find_element(By.CSS_SELECTOR, "#tables table")
  headers = table.find_elements(By.CSS_SELECTOR, "thead th")
  header = next(header for header in headers if header.text == "Final - STL (pp)")
  for _ in range(2):
    page.execute_script("arguments[0].click()", header.find_element(By.TAG_NAME, "button"))
    assert column(table, 0)[-1] == "STL"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tables_fit_and_a_switch_shows_the_rest_of_their_columns(browser, url, size):
  page = open_page(browser, url, size, "light")
  for box in page.find_elements(By.CSS_SELECTOR, "#tables > div > .scroll, #runs .scroll"):
    width = page.execute_script("return [arguments[0].scrollWidth, arguments[0].clientWidth]", box)
    assert width[0] <= width[1]
  table = page.find_element(By.CSS_SELECTOR, "#tables table")
  headers = table.find_elements(By.CSS_SELECTOR, "thead th")
  names = [page.execute_script("return arguments[0].textContent", header) for header in headers]
  shown = [name for name, header in zip(names, headers) if header.is_displayed()]
  assert {"Learner", "Final (%)"} <= set(shown) and "Stream" not in shown
  assert size == PHONE or {"n", "Peak (%)", "Forgetting (pp)", "Final - STL (pp)", "Final - best (pp)"} <= set(shown)
  switch = page.find_element(By.CSS_SELECTOR, "#tables button.columns")
  assert switch.text == f"Show {len(names) - len(shown)} more columns"
  switch.send_keys(Keys.ENTER)
  assert all(header.is_displayed() for header in headers) and switch.get_attribute("aria-pressed") == "true"
  assert all(len(row.find_elements(By.CSS_SELECTOR, ":not([hidden])")) >= len(names)
             for row in table.find_elements(By.CSS_SELECTOR, "tbody tr"))
  switch.send_keys(Keys.ENTER)
  assert [name for name, header in zip(names, headers) if header.is_displayed()] == shown


def test_names_of_runs_are_readable_on_a_phone(browser, url):
  page = open_page(browser, url, PHONE, "light")
  assert page.find_element(By.CSS_SELECTOR, "#runs tbody button").size["width"] >= 170
  headers = page.find_elements(By.CSS_SELECTOR, "#runs thead th")
  assert [header.text for header in headers if header.is_displayed()][:2] == ["Run", "Final (%)"]


def test_tables_inside_details_fit_when_they_open(page):
  details = page.find_element(By.XPATH, "//details[summary='Paired differences and their tests']")
  details.find_element(By.TAG_NAME, "summary").click()
  box = details.find_element(By.CSS_SELECTOR, ".scroll")
  WebDriverWait(page, 10).until(
      lambda _: page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", box))
  assert details.find_element(By.CSS_SELECTOR, "button.columns").is_displayed()


def test_the_summary_says_what_too_few_seeds_allow(page):
  text = page.find_element(By.ID, "summary").text.replace("\u00a0", " ")
  assert text.count("no test was made, as fewer than 5 seeds are shared: SNN (-") == 2
  assert text.count("2 tasks of 10 classes; a task has 40 training, 10 validation and 100 test images; 4 epochs a") == 2
  assert text.count("Caution. Few seeds: 2 seeds of all 3 methods.") == 2


def test_streams_filter_tables_figures_and_runs(page):
  assert shown(page, "#tables > div table") == 3 and shown(page, "figure") == 16 and shown(page, "#runs tbody tr") == 12
  page.find_element(By.CSS_SELECTOR, "#stream option:nth-child(3)").click()
  assert shown(page, "#tables > div table") == 2 and shown(page, "figure") == 8 and shown(page, "#runs tbody tr") == 6
  assert all(text.startswith("stl10/") for text in column(page.find_element(By.CSS_SELECTOR, "#runs table"), 0) if text)


def test_methods_filter_rows_and_drawn_lines_from_the_keyboard(page):
  page.find_element(By.CSS_SELECTOR, "#filters summary").send_keys(Keys.ENTER)
  page.find_element(By.CSS_SELECTOR, "input[value=snn]").send_keys(Keys.SPACE)
  assert shown(page, "#runs tbody tr") == 8
  assert page.find_element(By.ID, "shown").text == "2 of 3"
  drawn = page.find_elements(By.CSS_SELECTOR, "[data-method=snn]")
  assert drawn and not any(element.is_displayed() for element in drawn)
  assert page.find_element(By.CSS_SELECTOR, "[data-method=stl]").value_of_css_property("display") != "none"
  page.find_element(By.ID, "none").click()
  assert shown(page, "#runs tbody tr") == 0
  page.find_element(By.ID, "all").click()
  assert shown(page, "#runs tbody tr") == 12


def test_methods_filter_rows_and_panels_of_figures(page):
  shown_of = {"Forgetting": "snn", "Chosen transfer configurations": "lasem_hps",
              "LASEM's prior over epochs": "lasem_hps", "Learning curves": "snn", "Accuracy against cost": "snn"}
  drawings = {}
  for drawing in page.find_elements(By.CSS_SELECTOR, "#figures .drawing"):
    drawings.setdefault(drawing.get_attribute("aria-label"), drawing)
  for title, learner in shown_of.items():
    own = f"[data-method={learner}]"
    label = {"snn": "SNN", "lasem_hps": "LASEM HPS"}[learner]
    texts = [text for text in drawings[title].find_elements(By.CSS_SELECTOR, "svg text")
             if page.execute_script("return arguments[0].textContent", text).startswith(label)]
    assert texts and all(text.is_displayed() for text in texts), title
    page.execute_script(f"document.querySelector('input[value={learner}]').click()")
    drawn = drawings[title].find_elements(By.CSS_SELECTOR, own)
    assert drawn and not any(element.is_displayed() for element in drawn), title
    assert not any(text.is_displayed() for text in texts), title
    page.execute_script(f"document.querySelector('input[value={learner}]').click()")
    assert all(text.is_displayed() for text in texts), title
  note = page.find_element(By.CSS_SELECTOR, "#figures > .caption").text
  assert "axes, colour scales, and the dotted front" in note


def test_a_run_is_one_click_away_and_escape_returns(page):
  button = page.find_element(By.CSS_SELECTOR, "#runs tbody button")
  button.send_keys(Keys.ENTER)
  dialog = page.find_element(By.ID, "run")
  assert dialog.is_displayed()
  assert page.find_element(By.ID, "run-title").text == "cifar100/lasem_hps/smoke/seed0"
  assert "experiment.batch_size = 10" in page.find_element(By.ID, "run-operative").text
  assert "EPOCHS_PER_TASK = 4" in page.find_element(By.ID, "run-requested").text
  assert "an invented CPU" in page.find_element(By.ID, "run-provenance").text
  assert "design_fingerprint" in page.find_element(By.ID, "run-result").text
  webdriver.ActionChains(page).send_keys(Keys.ESCAPE).perform()
  assert not dialog.is_displayed()
  assert page.switch_to.active_element == button


def test_theme_can_be_chosen_against_the_system(page):
  button = page.find_element(By.ID, "theme")
  levels = []
  for _ in range(3):
    button.click()
    levels.append((button.text, np.median(screenshot(page)) > 200))
  assert levels == [("Theme: light", True), ("Theme: dark", False), ("Theme: system", True)]


def test_drawings_have_letters_of_the_usual_size(page):
  for drawing in page.find_elements(By.CSS_SELECTOR, "#figures .drawing"):
    points = float(drawing.get_attribute("style").split(":")[1].strip(" ;"))
    scale = drawing.find_element(By.TAG_NAME, "svg").size["width"] / points
    assert 1.1 < scale < 1.3, drawing.get_attribute("aria-label")  # Letters of 8 points have 9 to 10 pixels.


def test_figures_enlarge(page):
  figure = page.find_element(By.CSS_SELECTOR, "figure")
  before = figure.size["width"]
  page.execute_script("arguments[0].click()", figure.find_element(By.CSS_SELECTOR, ".enlarge"))
  assert figure.size["width"] > 1.5 * before
