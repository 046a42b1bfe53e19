"""Every phaser by its name, with those that go by maps, of which the layers below know nothing."""

from collections.abc import Mapping
from typing import Any

from diffragan.io.provenance import sha256_of
from diffragan.phasing.protocol import Phaser
from diffragan.phasing.registry import PHASERS, Entry, MapSource, Request, validated
from diffragan.reconstruction.many_views.map_folder import map_files, read_known
from diffragan.reconstruction.many_views.phaser import ManyViewsPhaser, ManyViewsPhaserSettings

MANY_VIEWS = "many-views"


def _many_views(request: Request) -> Phaser:
    assert request.maps is not None
    settings = validated(ManyViewsPhaserSettings, request.method, request.settings)
    return ManyViewsPhaser(*read_known(request.maps.folder, request.maps.data), settings)


ALL_PHASERS: dict[str, Entry] = {
    **PHASERS,
    MANY_VIEWS: Entry(
        "a map of many views seen from each, refined on the view's own pattern",
        _many_views,
        ManyViewsPhaserSettings,
        needs_maps=True,
    ),
}


def recorded_maps(maps: MapSource | None) -> Mapping[str, Any]:
    """Describe maps for the record of a store, each by its hash; nothing where there are none."""
    if maps is None:
        return {}
    files = map_files(maps.folder, maps.data)
    pinned = {path.relative_to(maps.folder).as_posix(): sha256_of(path) for path in files}
    return {"map": str(maps.folder.resolve()), "map_sha256": pinned}
