"""The built-in municipality, Nordberg: small, made up, and with something of everything.

Its roles are "set up by hand last year", so that a first plan has something to do: headteacher is
enabled, mentor is not, and one school has its headteacher. Ids never look like sync keys, so that a
mix-up shows.
"""

# ruff: noqa: RUF001, the names are Cyrillic on purpose

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.sandbox.items import (
    AssignmentItem,
    HolderItem,
    Ilp,
    LabelsItem,
    MembershipItem,
    PersonItem,
    ProfileItem,
    RelationItem,
    SiteItem,
    StateDocument,
    UnitItem,
)
from reconciler.sandbox.profiles import (
    ADMINISTRATOR,
    PARENT,
    STAFF,
    STUDENT,
    SYSTEM_ADMINISTRATOR,
    default_profiles,
)

_SITE: Final = "nordberg-kommune"
_SPECIAL: Final = ProfileItem(id="p-7", name="Spesialpedagog", roles=[])
_SCHOOL_YEAR: Final = date(2026, 8, 1)

_ORGANISATION, _SCHOOL = UnitKind.ORGANISATION, UnitKind.SCHOOL
_CLASS, _GROUP = UnitKind.CLASS, UnitKind.GROUP

# id, sync key, kind, title, parent
_UNITS: Final = (
    ("u-1", _SITE, _ORGANISATION, "Nordberg kommune", None),
    ("u-2", "barneskoler", _ORGANISATION, "Barneskoler", "u-1"),
    ("u-10", "nordberg-skole", _SCHOOL, "Nordberg skole", "u-1"),
    ("u-11", "8a", _CLASS, "8A", "u-10"),
    ("u-12", "8b", _CLASS, "8B", "u-10"),
    ("u-13", "9a", _CLASS, "9A", "u-10"),
    ("u-14", "choir", _GROUP, "Kor", "u-10"),
    ("u-15", "8a-math", _GROUP, "8A matematikk", "u-11"),
    ("u-16", None, _GROUP, "Lesegruppe", "u-10"),
    ("u-20", "fjellvik-skole", _SCHOOL, "Fjellvik skole", "u-2"),
    ("u-21", "1a", _CLASS, "1A", "u-20"),
    ("u-22", "1b", _CLASS, "1B", "u-20"),
    # The key that YAML 1.1 reads as false.
    ("u-23", "no", _CLASS, "Norsk for nyankomne", "u-20"),
)

_LEARNERS: Final = {
    "u-11": (
        "Ingrid Solbakken, Máret Anne Sara, Jakub Wiśniewski, Дарина Коваленко, Odin Haugland, "
        "Nils Ánte Gaup, Zofia Kamińska, Sofie Nygård, Тарас Шевчук, Aksel Bråten, Ella Øverås, "
        "Łukasz Żak, Biret Elle Eira, Emil Sæther, 王 小明"
    ),
    "u-12": (
        "Frida Myhre, Олена Бондаренко, Jonas Tveit, Risten Sokki, Antoni Zieliński, Selma Åsland, "
        "Noah Rønning, Аліна Мельник, Johan Mikkel Utsi, Vilde Støren, Kacper Dąbrowski, "
        "Ylva Hjelmeland, Богдан Ткаченко, Amalie Kvåle"
    ),
    "u-13": (
        "Sander Brekke, Oliwia Szymańska, Ánná Káre Somby, Марко Лисенко, Tuva Ødegård, "
        "Mathias Fjære, Hanna Woźniak, Iver Skjønhaug, Софія Гриценко, Live Bjørnstad"
    ),
    "u-21": (
        "Oskar Lie, Lilja Næss, Filip Kaczmarek, Злата Савченко, Elen Sárá Buljo, Theo Grønli, "
        "Maja Ruud, Юрій Поліщук, Ada Vågen, Isak Áslat Valkeapää"
    ),
    "u-22": (
        "Nora Hætta, Leon Król, Іванна Мороз, Ludvig Røed, Alma Kjær, Wiktoria Pawlak, "
        "Even Strømme, Sunná Balto"
    ),
    "u-23": "Назар Клименко, Amina Yusuf, محمد الأحمد",
}

# Per group the learners in it, by their numbers.
_GROUPS: Final = {
    "u-14": (1001, 1003, 1004, 1009, 1016, 1017, 1022, 1030, 1034),
    "u-15": (1002, 1005, 1006, 1010, 1012, 1014),
    "u-16": (1004, 1017, 1033),
}


class _Adult(NamedTuple):
    key: str
    name: str
    profile: str
    active: bool = True


_ADULTS: Final = (
    _Adult("a-0001", "Sigrun Administrator", SYSTEM_ADMINISTRATOR),
    _Adult("t-0007", "Gunnhild Åsen", ADMINISTRATOR),
    _Adult("t-0008", "Per Ánde Bær", ADMINISTRATOR),
    _Adult("t-0401", "Kari Nordli", STAFF),
    _Adult("t-0402", "Tomasz Nowicki", STAFF),
    _Adult("t-0403", "Liv Myhre", STAFF),
    _Adult("t-0404", "Оксана Литвин", STAFF),
    _Adult("t-0405", "Ravna Guttorm", STAFF),
    _Adult("t-0406", "Bjørn Østby", STAFF),
    _Adult("t-0407", "Hege Sjøvold", STAFF),
    _Adult("t-0408", "Agnieszka Lewandowska", STAFF),
    _Adult("t-0409", "Stian Vik", STAFF),
    _Adult("t-0410", "Ellen Kråkmo", _SPECIAL.id),
    _Adult("t-0411", "Rolf Tangen", STAFF, active=False),
    _Adult("t-0412", "Marit Løken", STAFF),
    _Adult("f-2001", "Anne Solbakken", PARENT),
    _Adult("f-2002", "Geir Solbakken", PARENT),
    _Adult("f-2003", "Piotr Wiśniewski", PARENT),
    _Adult("f-2004", "Наталія Коваленко", PARENT),
    _Adult("f-2005", "Inga Gaup", PARENT),
    _Adult("f-2006", "Ole Hætta", PARENT),
)

# Who teaches where; everybody is in their school too.
_TEACHERS: Final = {
    "u-10": ("t-0401", "t-0402", "t-0403", "t-0404", "t-0405", "t-0406", "t-0410", "t-0412"),
    "u-20": ("t-0407", "t-0408", "t-0409", "t-0411"),
    "u-11": ("t-0412", "t-0401"),
    "u-12": ("t-0403", "t-0412"),
    "u-13": ("t-0404", "t-0405"),
    "u-14": ("t-0406",),
    "u-15": ("t-0402",),
    "u-21": ("t-0407",),
    "u-22": ("t-0408",),
    "u-23": ("t-0409",),
}
_ADMINISTRATORS: Final = {"u-10": ("t-0007",), "u-20": ("t-0008",)}

# t-0403 is a teacher and the mother of a learner in the class she teaches.
_GUARDIANS: Final = (
    ("f-2001", 1001),
    ("f-2002", 1001),
    ("f-2003", 1003),
    ("f-2004", 1004),
    ("f-2005", 1006),
    ("f-2006", 1050),
    ("t-0403", 1016),
)


def municipality() -> StateDocument:
    """Return the built-in municipality, the same one every time."""
    learners, homes = _learners()
    adults = [_adult(number, adult) for number, adult in enumerate(_ADULTS, 501)]
    ids = {person.sync_key: person.id for person in (*adults, *learners)}

    def members(
        held: Mapping[str, tuple[str, ...]], role: MembershipRole
    ) -> Iterable[MembershipItem]:
        return (_membership(unit, ids[key], role) for unit, keys in held.items() for key in keys)

    headteacher = ids["t-0008"]
    groups = {unit: tuple(f"s-{number}" for number in own) for unit, own in _GROUPS.items()}
    return StateDocument(
        site=SiteItem(
            id=_SITE, name="Nordberg kommune", ilp=Ilp(enabled=True, published_templates=1)
        ),
        profiles=[*default_profiles({ADMINISTRATOR: [Role.HEADTEACHER]}), _SPECIAL],
        labels=[LabelsItem(role=role) for role in Role],
        people=[*adults, *learners],
        units=[
            UnitItem(id=id_, sync_key=key, kind=kind, title=title, parent=parent)
            for id_, key, kind, title, parent in _UNITS
        ],
        memberships=[
            *homes,
            *members(groups, MembershipRole.LEARNER),
            *members(_TEACHERS, MembershipRole.TEACHER),
            *members(_ADMINISTRATORS, MembershipRole.ADMINISTRATOR),
        ],
        relations=[
            RelationItem(person=ids[person], learner=ids[f"s-{number}"], kind="guardian")
            for person, number in _GUARDIANS
        ],
        holders=[HolderItem(role=Role.HEADTEACHER, person=headteacher)],
        assignments=[
            AssignmentItem(
                role=Role.HEADTEACHER, person=headteacher, kind=TargetKind.SCHOOL, target="u-20"
            )
        ],
    )


def _learners() -> tuple[list[PersonItem], list[MembershipItem]]:
    people: list[PersonItem] = []
    homes: list[MembershipItem] = []
    for unit, names in _LEARNERS.items():
        for name in names.split(", "):
            number = 1001 + len(people)
            person = PersonItem(
                id=f"{20_000 + number}",
                sync_key=f"s-{number}",
                username=f"elev{number}",
                email=None,
                name=name,
                profile=STUDENT,
                active=True,
            )
            people.append(person)
            homes.append(_membership(unit, person.id, MembershipRole.LEARNER, primary=True))
    return people, homes


def _adult(number: int, adult: _Adult) -> PersonItem:
    username = adult.key.replace("-", "")
    return PersonItem(
        id=f"{10_000 + number}",
        sync_key=adult.key,
        username=username,
        email=f"{username}@nordberg.example",
        name=adult.name,
        profile=adult.profile,
        active=adult.active,
    )


def _membership(
    unit: str, person: str, role: MembershipRole, *, primary: bool = False
) -> MembershipItem:
    return MembershipItem(
        unit=unit, person=person, role=role, primary=primary, begin=_SCHOOL_YEAR, end=None
    )
