"""What `init --ci` writes: whole YAML, of the shape that the forge asks for, with commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
import typer.main
from ruamel.yaml import YAML

from accordance.app.cli import app
from accordance.protocols.errors import UsageError
from accordance.studies import continuous
from accordance.studies.start import init

ACTION = ".github/actions/accordance/action.yml"
WORKFLOW = ".github/workflows/accordance.yml"
GITLAB = ".gitlab-ci.yml"
STUDY = """\
algorithm:
  decides: "2.1"
  versions:
    "2.0": {}
    "2.1": {}
    "2.2": {}
"""


def parsed(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def scripts(folder):
    """Every shell script that a forge runs."""
    if (folder / GITLAB).is_file():
        return parsed(folder / GITLAB)["accordance"]["script"]
    return [step["run"] for step in parsed(folder / ACTION)["runs"]["steps"] if "run" in step]


def commands(script):
    """The `accordance` commands of a script, as words."""
    text = re.sub(r"\\\n\s*", " ", script)
    found = re.findall(r"(?:^|[\s(;&|])(accordance [a-z-][^\n;|&)]*)", text, re.MULTILINE)
    return [shlex.split(one) for one in found]


@pytest.fixture(params=["github", "gitlab"])
def forge(request):
    return request.param


@pytest.fixture
def written(tmp_path, forge):
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    made = init(tmp_path, ci=forge)
    assert made["from"] == "the study there"
    assert made["note"] is None
    assert set(made["files"]) == set(continuous.FILES[forge])
    return tmp_path


def test_every_command_exists_with_its_options(written):
    verbs = typer.main.get_command(app).commands
    seen = {}
    for script in scripts(written):
        gathered = " ".join(re.findall(r"arguments\+?=\(([^)]*)\)", script))
        for words in commands(script):
            if words[1] == "--version":
                continue
            asked = {word for word in words if word.startswith("--")}
            if "${arguments[@]}" in words:
                asked |= set(re.findall(r"(?<!\S)--[a-z-]+", gathered))
            known = {name for one in verbs[words[1]].params for name in one.opts}
            assert asked <= known, words
            seen[words[1]] = asked
    assert {"--baseline", "--candidate", "--overlap"} == seen["compare"]
    assert {"--require", "--inconclusive", "--identical", "--junit", "--summary"} == seen["gate"]
    assert {"--format"} == seen["report"]


def test_every_script_is_bash(written):
    for script in scripts(written):
        done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "${{" not in script, "inputs come by the environment: no input becomes a command"


def test_versions_and_place_are_filled_in(written):
    text = "".join(file.read_text(encoding="utf-8") for file in written.rglob("*.yml"))
    assert not re.search(r"@[A-Z]+@", text)
    values = (
        parsed(written / GITLAB)["accordance"]["variables"]
        if (written / GITLAB).is_file()
        else parsed(written / WORKFLOW)["jobs"]["gate"]["steps"][-1]["with"]
    )
    named = {key.lower().removeprefix("accordance_"): value for key, value in values.items()}
    assert (named["study"], named["baseline"], named["candidate"]) == (".", "2.0", "2.1")


def test_the_action_is_composite(tmp_path):
    init(tmp_path, ci="github")
    action = parsed(tmp_path / ACTION)
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert ("run" in step) == (step.get("shell") == "bash")
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", (tmp_path / ACTION).read_text(encoding="utf-8")))
    assert used == set(action["inputs"])
    assert all(one["description"] for one in action["inputs"].values())
    (job,) = parsed(tmp_path / WORKFLOW)["jobs"].values()
    step = job["steps"][-1]
    assert step["uses"] == "./.github/actions/accordance"
    needed = {name for name, one in action["inputs"].items() if one.get("required")}
    assert needed <= set(step["with"]) <= set(action["inputs"])


def test_the_job_keeps_its_answer(tmp_path):
    init(tmp_path, ci="gitlab")
    job = parsed(tmp_path / GITLAB)["accordance"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"].startswith(job["artifacts"]["paths"][0])


def test_a_new_study_comes_with_its_templates(tmp_path, forge):
    made = init(tmp_path / "new", example="spa-afib-ecg", ci=forge)
    assert set(continuous.FILES[forge]) < set(made["files"])
    assert {"study.yaml", "protocol.yaml"} < set(made["files"])
    text = "".join((tmp_path / "new" / name).read_text() for name in continuous.FILES[forge])
    assert '"v1_0"' in text and '"v1_1"' in text


def test_nothing_is_overwritten_and_all_in_the_way_is_named(tmp_path):
    init(tmp_path, ci="github")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as caught:
        init(tmp_path, ci="github")
    assert ACTION in str(caught.value) and WORKFLOW in str(caught.value)
    assert "study.yaml" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_unknown_forge(tmp_path):
    with pytest.raises(UsageError, match=r"there are: github, gitlab\. Did you mean `github`\?"):
        init(tmp_path / "new", ci="githb")
    assert not (tmp_path / "new").exists()


def test_a_study_below_the_root_of_a_repository_is_told_where_to_move_them(tmp_path, forge):
    (tmp_path / ".git").mkdir()
    made = init(tmp_path / "studies" / "one", ci=forge)
    assert f"move it to {tmp_path.resolve()}" in made["note"]
    text = "".join((tmp_path / "studies/one" / name).read_text() for name in continuous.FILES[forge])
    assert '"studies/one"' in text


@pytest.mark.parametrize(
    "text", ["a: [", "algorithm: x", "algorithm: {versions: {}}", "algorithm: {versions: 1}"]
)
def test_a_study_that_lists_no_versions_gets_placeholders(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    init(tmp_path, ci="gitlab")
    variables = parsed(tmp_path / GITLAB)["accordance"]["variables"]
    assert (variables["ACCORDANCE_BASELINE"], variables["ACCORDANCE_CANDIDATE"]) == ("v1", "v2")
