"""The constants of Office-Home: classes, how they form tasks, and how many images the official archive holds."""

# A class id is the position in this list: case-insensitive alphabetical order, which a bytewise sort would get wrong
# (TV).
CLASS_NAMES = (
    "Alarm_Clock", "Backpack", "Batteries", "Bed", "Bike", "Bottle", "Bucket", "Calculator", "Calendar", "Candles",
    "Chair", "Clipboards", "Computer", "Couch", "Curtains", "Desk_Lamp", "Drill", "Eraser", "Exit_Sign", "Fan",
    "File_Cabinet", "Flipflops", "Flowers", "Folder", "Fork", "Glasses", "Hammer", "Helmet", "Kettle", "Keyboard",
    "Knives", "Lamp_Shade", "Laptop", "Marker", "Monitor", "Mop", "Mouse", "Mug", "Notebook", "Oven", "Pan",
    "Paper_Clip", "Pen", "Pencil", "Postit_Notes", "Printer", "Push_Pin", "Radio", "Refrigerator", "Ruler", "Scissors",
    "Screwdriver", "Shelf", "Sink", "Sneakers", "Soda", "Speaker", "Spoon", "Table", "Telephone", "ToothBrush", "Toys",
    "Trash_Can", "TV", "Webcam",
)

# Position = domain id. The folder of each domain goes by any of its names: the archive writes "Real World".
DOMAINS = ("Product", "RealWorld")
DOMAIN_FOLDERS = {"Product": ("Product",), "RealWorld": ("RealWorld", "Real World")}

# Class ids of the thirteen local labels of tasks g (Product) and g + 5 (RealWorld), as published with the release.
GROUPS = (
    (63, 54, 55, 59, 47, 8, 5, 56, 18, 50, 3, 57, 13),
    (62, 19, 21, 35, 64, 46, 27, 10, 39, 17, 22, 34, 30),
    (48, 15, 51, 6, 40, 31, 4, 36, 45, 41, 16, 14, 11),
    (9, 29, 1, 44, 33, 26, 25, 32, 53, 12, 43, 38, 60),
    (28, 2, 49, 37, 20, 23, 58, 24, 52, 61, 7, 0, 42),
)

# Classes in order of arrival: Couch, Table and Paper_Clip in the first task, then one more with every task.
INCREMENTAL_CLASSES = (13, 58, 41, 11, 6, 38, 3, 62)
INCREMENTAL_FIRST = 3

# Images of each class in the official archive.
OFFICIAL_COUNTS = {
    "Product": (
        79, 99, 62, 43, 44, 62, 47, 81, 81, 56, 99, 65, 96, 88, 75, 83, 67, 41, 67, 58, 71, 99, 91, 90, 41, 67, 57, 90,
        72, 99, 41, 54, 99, 56, 98, 72, 96, 41, 93, 68, 70, 47, 60, 40, 38, 99, 43, 43, 59, 58, 99, 40, 49, 46, 99, 43,
        99, 47, 60, 58, 42, 45, 93, 76, 98,
    ),
    "RealWorld": (
        86, 99, 64, 83, 99, 78, 80, 73, 68, 99, 96, 65, 64, 76, 73, 62, 51, 43, 81, 60, 58, 85, 75, 57, 36, 60, 52, 60,
        72, 75, 83, 78, 67, 23, 71, 46, 60, 58, 68, 64, 30, 68, 65, 59, 67, 52, 53, 66, 75, 41, 77, 51, 66, 77, 88, 63,
        81, 54, 59, 82, 85, 67, 81, 53, 49,
    ),
}
