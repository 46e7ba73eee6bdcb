"""Signal receivers: store the URL of a finished poster, and clear that of an erased one."""

import logging
from typing import Any

from django.db.models import Q
from django.dispatch import receiver
from django_posters.models import Poster

from django_posters import poster_erased, poster_finished

from .models import Testimonial

logger = logging.getLogger(__name__)


@receiver(poster_finished, sender=Testimonial)
def show_poster(poster: Poster, **_: Any) -> None:
    """Store the URL of the last good picture in its testimonial, unless a newer poster was requested meanwhile."""
    Testimonial.objects.filter(poster=poster).update(poster_url=poster.url)
    if poster.status != Poster.Status.COMPLETED:
        logger.warning("no poster of testimonial %s: %s %s", poster.entity_id, poster.status, poster.error_message)


@receiver(poster_erased, sender=Testimonial)
def hide_poster(poster: Poster, **_: Any) -> None:
    """Clear the URL of the image, unless a newer poster was requested meanwhile."""
    testimonials = Testimonial.objects.filter(pk=poster.entity_id)
    testimonials.filter(Q(poster=None) | Q(poster=poster)).update(poster_url="")
