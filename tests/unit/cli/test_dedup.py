from __future__ import annotations

import gzip
import json

import pytest

from tracewarp.cli import main

LINES = ["Fork the repo", "", "Fork the repo", "What does it cost?", "Fork the repo now"]


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            main(["dedup", *map(str, arguments)])
            code = 0
        except SystemExit as leave:
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def stored(tmp_path, content, name="texts.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode())
    return path


def test_a_rejected_text_has_its_witness_and_similarity(run, tmp_path):
    code, out, err = run(stored(tmp_path, LINES), "--threshold", 0.70)
    assert (code, err) == (0, "")
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert [row[:2] for row in rows[1:5]] == [
        ["1", "accepted"],
        ["3", "rejected"],
        ["4", "accepted"],
        ["5", "rejected"],
    ]
    assert rows[2][2].split(maxsplit=2)[:2] == ["1.0000", "1"]
    assert "4 texts: 2 accepted, 2 rejected (cosine >= 0.7, encoder hashed/" in out


def test_json_holds_lines_texts_witnesses(run, tmp_path):
    told = json.loads(run(stored(tmp_path, LINES), "--json")[1])
    assert told["accepted"] == [{"line": 1, "text": "Fork the repo"}, {"line": 4, "text": "What does it cost?"}]
    assert [(row["line"], row["witness_line"]) for row in told["rejected"]] == [(3, 1), (5, 1)]
    assert told["rejected"][0]["similarity"] == 1.0


def test_a_field_of_json_lines_is_read_and_accepted_lines_are_written_as_they_were(run, tmp_path):
    lines = [json.dumps({"task": {"intent": text}, "id": i}) for i, text in enumerate(["a b c", "a b c", "x y z"])]
    path = stored(tmp_path, gzip.compress("\n".join(lines).encode()), "tasks.jsonl.gz")
    code, _, err = run(path, "--field", "task.intent", "--out", tmp_path / "out.jsonl")
    assert code == 0
    assert "Wrote" in err
    assert (tmp_path / "out.jsonl").read_text().splitlines() == [lines[0], lines[2]]


def test_a_bad_line_is_told_and_loses_nothing_else(run, tmp_path):
    lines = ['{"t": "one"}', "{torn", '{"u": 1}', '{"t": 3}', "[1]", '{"t": "two"}']
    path = stored(tmp_path, lines, "x.jsonl")
    code, out, err = run(path, "--field", "t", "--json")
    assert code == 0
    assert [row["line"] for row in json.loads(out)["accepted"]] == [1, 6]
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{path}:{line}" for line in (2, 3, 4, 5)]
    code, out, err = run(path, "--field", "t", "--strict")
    assert (code, out) == (2, "")
    assert f"{path}:2" in err


def test_a_torn_gzip_keeps_what_came_before(run, tmp_path):
    data = gzip.compress("\n".join(f"text number {i} {i * 7919}" for i in range(5000)).encode())
    path = stored(tmp_path, data[: len(data) // 2], "texts.txt.gz")
    code, out, err = run(path, "--json", "--threshold", 1)
    assert code == 0
    assert json.loads(out)["texts"] > 100
    assert "the gzip data is cut off" in err


def test_bad_words_are_one_sentence_and_exit_code_2(run, tmp_path):
    for arguments, sentence in [
        ((stored(tmp_path, LINES), "--threshold", 2), "threshold: expected a cosine in [-1, 1], got 2.0"),
        ((tmp_path / "no.txt",), "no such file"),
        ((tmp_path,), "got a folder"),
        ((stored(tmp_path, b"\n\n", "blank.txt"),), "no text in it"),
        ((stored(tmp_path, b"{}", "a.jsonl"),), "--field NAME"),
        ((stored(tmp_path, b"{}", "b.jsonl"), "--field", "t"), "no JSON object with a text in field 't'"),
        ((stored(tmp_path, LINES), "--encoder", ""), "encoder: "),
        ((stored(tmp_path, LINES), "--out", tmp_path / "no" / "out.txt"), "cannot be written"),
    ]:
        code, _, err = run(*arguments)
        assert code == 2
        assert sentence in err
        assert "Traceback" not in err
