# Names and colours of the objects of Collage.
_colours = dict(
    disc=(230, 75, 60),
    ring=(250, 170, 60),
    triangle=(245, 225, 70),
    square=(120, 200, 80),
    hexagon=(50, 160, 140),
    star=(70, 190, 230),
    cross=(60, 110, 220),
    crescent=(140, 90, 215),
    heart=(235, 100, 180),
    arrow=(160, 115, 80),
)
collage = dict(classes=tuple(_colours), palette=list(_colours.values()))
