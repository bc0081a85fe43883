from mmdense.visual.class_list import ClassList


def test_classes_without_names_and_colours_get_some():
    classes = ClassList(names=("a",), palette=((1, 2, 3),))
    assert (classes.name(0), classes.name(5)) == ("a", "class 5")
    colours = {classes.colour(number) for number in range(40)}
    assert len(colours) == 40
