"""Pictures of posters and previews in the admin."""

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_posters.images import find_image
from django_posters.models import Poster


def picture_of(poster: Poster, css_class: str) -> SafeString | str:
    """Return an `<img>` of the last good picture; a link to a PDF; "" where there is neither."""
    image = find_image(poster.images, None)
    if image is None or not image.url:
        return ""
    if not image.is_picture:
        return format_html('<a href="{}">PDF</a>', image.url)
    return format_html(
        '<img src="{}" class="{}" alt="{}" width="{}" height="{}" loading="lazy">',
        image.url,
        css_class,
        poster.alt or str(poster),
        poster.css_width,
        poster.css_height,
    )


def list_of_images(poster: Poster) -> SafeString | str:
    """Return links to the images of the last good picture by their names, with size and format; "–" without any."""
    lines = format_html_join(
        SafeString("<br>"),
        '<a href="{}">{}</a> {} {} {}',
        (
            (
                image.url,
                image.name,
                f"{image.width} × {image.height}" if image.width and image.height else "",
                image.format.upper(),
                filesizeformat(image.size) if image.size else "",
            )
            for image in poster.images
            if image.url
        ),
    )
    return lines or "–"


def shortened(value: object, limit: int = 80) -> str:
    """Return a value of a placeholder as a text that fits into a table: `data:` addresses and long texts are cut."""
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 20]}… ({len(text):,})"
