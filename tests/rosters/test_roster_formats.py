"""Every format that there is has a reader, a name in the schema, and nothing else has."""

import json

from reconciler.domain.roster_formats import FORMATS
from reconciler.manifest.shape import SCHEMA_NAME
from reconciler.resources import shipped
from reconciler.rosters.formats import FILES, SERVICES


def test_each_is_read_from_files_or_asked_for():
    assert set(FILES) == {name for name, each in FORMATS.items() if each.found_as}
    assert set(SERVICES) == set(FORMATS) - set(FILES)


def test_files_need_a_path_and_nothing_is_taken_of_a_service():
    for name, each in FORMATS.items():
        assert (each.takes[:1] == ("path",)) == bool(each.takes) == (name in FILES)


def test_the_schema_names_each():
    schema = json.loads(shipped("schemas", SCHEMA_NAME).read_text("utf-8"))
    text = json.dumps(schema["$defs"]["roster"]["properties"]["type"])
    assert all(f'"{name}"' in text for name in FORMATS)
