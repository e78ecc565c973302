"""Okabe and Ito's colours, which people with any kind of colour vision can tell apart (jfly.uni-koeln.de/color,
2008).
"""

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
INK, GREY = "#222222", "#999999"  # for what is no category

COLORS = {"content": BLUE, "style": VERMILION, "tv": GREY, "total": INK}
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
ON_ANY_GROUND = {"content": "#3a92d0", "style": "#e8751a"}  # COLORS, a little lighter: seen on dark ground as well
