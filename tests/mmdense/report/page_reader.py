"""What a page holds, read with the parsers of the standard library."""

import base64
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "hr", "link", "input", "line"}


class Page(HTMLParser):
    """Tags, references, images and words of a page; an unclosed tag is an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.images, self.tags, self.words = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(values)
        self.references += [values[key] for key in ("src", "href") if key in values]

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def content(uri):
    """The bytes in a ``data:`` URI."""
    head, _, data = uri.partition(",")
    assert head.startswith("data:image/") and head.endswith(";base64")
    return base64.b64decode(data)
