"""A small, sound bundle in each version, for tests to spoil."""

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Files = dict[str, str]

V1_1: Mapping[str, str] = {
    "manifest.csv": """\
propertyName,value
manifest.version,1.0
oneroster.version,1.1
file.orgs,bulk
file.users,bulk
file.classes,bulk
file.enrollments,bulk
file.demographics,absent
""",
    "orgs.csv": """\
sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId
d1,,,Nordberg kommune,district,,
s1,,,Nordberg skole,school,N1,d1
s2,,,Sørby skole,school,N2,d1
""",
    "users.csv": """\
sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,agentSourcedIds
t1,,,true,"s1,s2",teacher,kari,Kari,Hemmelig,kari@example.org,
p1,,,true,s1,parent,ola,Ola,Hemmelig,,u1
u1,,,true,s1,student,liv,Liv,Hemmelig,,p1
u2,,,false,s2,student,per,Per,Hemmelig,,
""",
    "classes.csv": """\
sourcedId,status,dateLastModified,title,grades,classCode,classType,schoolSourcedId
c1,,,8A,"08,09",8A-1,homeroom,s1
c2,,,Kor,,,scheduled,s2
""",
    "enrollments.csv": """\
sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate
e1,,,c1,s1,t1,teacher,true,2026-08-01,2027-07-31
e2,,,c1,s1,u1,student,,,
e3,,,c2,s2,u2,student,false,2026-08-01,
""",
}

V1_2: Mapping[str, str] = V1_1 | {
    "manifest.csv": V1_1["manifest.csv"].replace("version,1.1", "version,1.2")
    + "file.roles,bulk\n",
    "users.csv": """\
sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email,agentSourcedIds,primaryOrgSourcedId
t1,,,true,kari,Kari,Hemmelig,kari@example.org,,s2
p1,,,true,ola,Ola,Hemmelig,,,
u1,,,true,liv,Liv,Hemmelig,,p1,
u2,,,false,per,Per,Hemmelig,,,
""",
    "roles.csv": """\
sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId,beginDate,endDate
r1,,,t1,secondary,aide,s2,,
r2,,,t1,primary,teacher,s1,2026-08-01,2027-08-01
r3,,,t1,primary,principal,s2,,
r4,,,p1,primary,guardian,s1,,
r5,,,u1,primary,student,s1,,
r6,,,u2,primary,student,s2,,
""",
}

Write = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def v1_1() -> Files:
    return dict(V1_1)


@pytest.fixture
def v1_2() -> Files:
    return dict(V1_2)


@pytest.fixture
def write_folder(tmp_path: Path) -> Write:
    def write(files: Mapping[str, str | bytes]) -> Path:
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (folder / name).write_bytes(data)
        return folder

    return write


@pytest.fixture
def write_zip(tmp_path: Path) -> Write:
    def write(files: Mapping[str, str | bytes]) -> Path:
        path = tmp_path / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture
def reverse_columns() -> Callable[[str], str]:
    def reverse(text: str) -> str:
        out = io.StringIO()
        csv.writer(out).writerows(row[::-1] for row in csv.reader(io.StringIO(text)))
        return out.getvalue()

    return reverse
