from __future__ import annotations

import gzip
import json
import pickle
import re
from pathlib import Path

import pytest
import zstandard

from tracewarp.errors import (
    DuplicateKeyError,
    EmptyRunError,
    InputError,
    OptionError,
    RecordError,
    UnreadableFileError,
)
from tracewarp.trajectory import open_run

DATA = Path(__file__).parents[2] / "data" / "trajectories"


def line(task, **fields):
    return json.dumps({"schema_version": 1, "task": {"id": str(task)}, **fields})


def lines(n):
    return "".join(f"{line(task)}\n" for task in range(n)).encode()


def zstd(data):
    return zstandard.ZstdCompressor().compress(data)


def keys(reader):
    return [trajectory.key for trajectory in reader]


def stored(tmp_path, data, name="run.jsonl"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_compression_is_told_by_the_content_not_by_the_name(tmp_path, pack):
    reader = open_run(stored(tmp_path, pack(lines(3)), "anything.txt"))
    assert keys(reader) == [("0", 0), ("1", 0), ("2", 0)]
    assert reader.format == "tracewarp-jsonl"
    assert reader.problems == []


@pytest.mark.parametrize(
    ("name", "stem"), [("a.jsonl", "a"), ("a.b.jsonl.gz", "a.b"), ("a.zst", "a"), ("plain", "plain")]
)
def test_name_is_the_file_name_without_its_suffixes(tmp_path, name, stem):
    assert open_run(stored(tmp_path, lines(1), name)).name == stem


def test_reader_can_be_iterated_again(tmp_path):
    reader = open_run(stored(tmp_path, lines(2) + b"bad\n"))
    assert keys(reader) == keys(reader)
    assert len(reader.problems) == 1


def test_blank_lines_and_a_byte_order_mark_are_ignored(tmp_path):
    reader = open_run(stored(tmp_path, b"\xef\xbb\xbf\n\n  \r\n" + lines(1).replace(b"\n", b"\r\n") + b"\n"))
    assert keys(reader) == [("0", 0)]
    assert reader.problems == []


def test_missing_schema_version_means_version_one(tmp_path):
    assert keys(open_run(stored(tmp_path, '{"task": {"id": "a"}}'))) == [("a", 0)]


@pytest.mark.parametrize("cut", [2, 9, 40])
def test_torn_last_line_is_reported_and_loses_nothing_before_it(tmp_path, cut):
    path = stored(tmp_path, lines(5)[:-cut])
    reader = open_run(path)
    assert len(keys(reader)) == 4
    (problem,) = reader.problems
    assert (problem.path, problem.line) == (str(path), 5)
    assert "the last line is cut off" in problem.message


def test_last_line_without_line_end_is_whole(tmp_path):
    reader = open_run(stored(tmp_path, lines(2).rstrip()))
    assert len(keys(reader)) == 2
    assert reader.problems == []


@pytest.mark.parametrize(("pack", "word"), [(gzip.compress, "gzip"), (zstd, "zstd")])
def test_torn_end_of_a_compressed_file_is_reported_and_loses_nothing_before_it(tmp_path, pack, word):
    # Incompressible enough that a cut in the middle leaves whole lines before it.
    text = "".join(f"{line(task, extra={'n': [hash((task, i)) for i in range(300)]})}\n" for task in range(200))
    data = pack(text.encode())
    reader = open_run(stored(tmp_path, data[: len(data) // 2]))
    found = keys(reader)
    assert found == [(str(task), 0) for task in range(len(found))]
    assert 20 < len(found) < 200
    (problem,) = reader.problems
    assert f"the {word} data is cut off" in problem.message


def test_gzip_cut_within_its_trailer_loses_no_line(tmp_path):
    reader = open_run(stored(tmp_path, gzip.compress(lines(3))[:-4]))
    assert len(keys(reader)) == 3
    assert "the gzip data is cut off" in reader.problems[0].message


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_appended_frames_are_read_on(tmp_path, pack):
    first, second = lines(2), lines(4)[len(lines(2)) :]
    assert len(keys(open_run(stored(tmp_path, pack(first) + pack(second))))) == 4


def test_bytes_after_the_gzip_data_are_reported_and_zeros_are_padding(tmp_path):
    padded = open_run(stored(tmp_path, gzip.compress(lines(2)) + b"\0" * 5000))
    assert len(keys(padded)) == 2
    assert padded.problems == []
    followed = open_run(stored(tmp_path, gzip.compress(lines(2)) + b"trash"))
    assert len(keys(followed)) == 2
    assert "no gzip data follow" in followed.problems[0].message


def test_damaged_gzip_keeps_what_came_before(tmp_path):
    data = bytearray(gzip.compress(lines(3)))
    data[-8] ^= 0xFF  # the checksum
    reader = open_run(stored(tmp_path, bytes(data)))
    assert len(keys(reader)) == 3
    assert "the gzip data is damaged" in reader.problems[0].message


def test_one_bad_line_in_ten_thousand_loses_itself_alone(tmp_path):
    text = lines(10_000).split(b"\n")
    text[4999] = b'{"task": {"id": "4999"}, "steps": [{"action": "no observation"}]}'
    path = stored(tmp_path, b"\n".join(text))
    reader = open_run(path)
    assert len(keys(reader)) == 9_999
    (problem,) = reader.problems
    assert str(problem).startswith(f"{path}:5000: steps[0].observation: missing")


def test_strict_reader_raises_at_the_first_problem(tmp_path):
    path = stored(tmp_path, lines(1) + b"oops\n")
    with pytest.raises(RecordError, match=re.escape(f"{path}:2: not JSON")):
        keys(open_run(path, strict=True))


def test_a_record_of_an_unknown_schema_version_loses_itself_alone(tmp_path):
    path = stored(tmp_path, lines(1) + b'{"schema_version": 3, "task": {"id": "x"}}\n' + line(2).encode())
    reader = open_run(path)
    assert keys(reader) == [("0", 0), ("2", 0)]
    (problem,) = reader.problems
    assert problem.line == 2
    assert "schema_version 3: this release of tracewarp reads versions 1 to 2" in problem.message


@pytest.mark.parametrize("version", ["true", "1.5", "3.0", '"1"', '"ATIF-v1.7"'])
def test_schema_version_of_another_kind_is_refused(tmp_path, version):
    with pytest.raises(EmptyRunError, match="schema_version"):
        keys(open_run(stored(tmp_path, f'{{"schema_version": {version}, "task": {{"id": "x"}}}}')))


@pytest.mark.parametrize("version", ["1", "1.0", "2", "2.0"])
def test_a_schema_version_may_be_a_whole_float_as_pandas_writes_it(tmp_path, version):
    path = stored(tmp_path, f'{{"schema_version": {version}, "task": {{"id": "x"}}}}')
    assert keys(open_run(path)) == [("x", 0)]


def test_repeated_key_raises_and_names_both_lines(tmp_path):
    path = stored(tmp_path, lines(2) + lines(1))
    with pytest.raises(DuplicateKeyError, match=rf":3: task 0, repeat 0 was already at {re.escape(str(path))}:1"):
        keys(open_run(path))


def test_repeats_of_a_task_are_different_keys(tmp_path):
    assert keys(open_run(stored(tmp_path, f"{line(1)}\n{line(1, repeat=1)}\n"))) == [("1", 0), ("1", 1)]


def test_empty_file_raises(tmp_path):
    with pytest.raises(EmptyRunError, match="the file is empty"):
        open_run(stored(tmp_path, " \n\n"))


def test_run_without_a_readable_episode_raises_at_the_end(tmp_path):
    (tmp_path / "trajectories.jsonl").write_text('{"schema_version": 1, "ta')
    reader = open_run(tmp_path)
    with pytest.raises(EmptyRunError, match=r"no episode in it \(first of 1 problems"):
        keys(reader)


def test_run_folder_is_read(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "trajectories.jsonl").write_bytes(lines(2))
    reader = open_run(str(tmp_path))
    assert (reader.format, reader.name, len(keys(reader))) == ("tracewarp-run", tmp_path.name, 2)


def test_agentlab_directory_and_one_task_folder_are_read():
    whole = open_run(DATA / "agentlab")
    assert (whole.format, len(keys(whole))) == ("agentlab-directory", 3)
    one = open_run(DATA / "agentlab" / "2024-10-01_12-00-00_TinyAgent_on_webarena.7_5")
    assert keys(one) == [("7", 0)]


def test_agentlab_lines_are_told_from_our_own():
    assert open_run(DATA / "agentlab.jsonl").format == "agentlab-jsonl"


def test_bad_step_file_is_reported_and_the_rest_of_the_episode_is_kept(tmp_path):
    folder = tmp_path / "task_3"
    folder.mkdir()
    page = {"obs": {"axtree_txt": "t"}, "action": "noop()"}
    for number in (0, 2):
        (folder / f"steps_info_{number}.json").write_text(json.dumps(page))
    (folder / "steps_info_1.json").write_text("{")
    (folder / "steps_info_3.json").write_text("[]")
    with gzip.open(folder / "summary_info.json.gz", "wt") as file:
        file.write('{"cum_reward": NaN}')
    reader = open_run(tmp_path)
    (episode,) = reader
    assert len(episode.steps) == 2
    messages = [str(problem) for problem in reader.problems]
    assert messages[0].startswith(f"{folder / 'steps_info_1.json'}: not JSON")
    assert "steps_info_3.json: not a JSON object" in messages[1]
    assert "summary_info.json.gz: NaN is no JSON number" in messages[2]
    assert "step 0 is followed by step 2" in messages[3]


def test_step_file_beyond_the_cap_is_reported(tmp_path):
    (tmp_path / "steps_info_0.json").write_text(json.dumps({"obs": {"axtree_txt": "t" * 500}, "action": "noop()"}))
    (tmp_path / "summary_info.json").write_text("{}")
    reader = open_run(tmp_path, max_line_bytes=300)
    (episode,) = reader
    assert episode.steps == ()
    assert "more than 300 bytes" in reader.problems[0].message


def test_pickled_steps_are_refused_with_the_reason(tmp_path):
    folder = tmp_path / "task_1"
    folder.mkdir()
    (folder / "step_0.pkl.gz").write_bytes(b"")
    with pytest.raises(UnreadableFileError, match="unpickling runs whatever code"):
        open_run(tmp_path)
    (tmp_path / "task_2").mkdir()
    (tmp_path / "task_2" / "summary_info.json").write_text('{"cum_reward": 0}')
    reader = open_run(tmp_path)
    assert keys(reader) == [("2", 0)]
    assert "1 steps stored as pickles only" in reader.problems[0].message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[\n{}\n]", "a JSON array"),
        (b'{\n "task": {}\n}', "spread over several lines"),
        (pickle.dumps({"task": 1}), "a pickle"),
        (gzip.compress(pickle.dumps({"task": 1}), mtime=0), "a pickle"),
        (b'{"intent": "Buy", "task_id": 3}\n', "task files go to --tasks"),
        (b'{"a": 1, "b": 2}\n', "an object with the keys a, b"),
        (b'"text"\n', "a JSON string"),
        (b"PK\x03\x04\xff\xfe\n\x00", "line 1: byte 0xff"),
        (b"\0" * 1000, "line 1: not JSON"),
        (gzip.compress(b"x" * 9, mtime=0)[:12], "the gzip data is cut off"),
    ],
)
def test_file_of_no_known_format_is_refused_with_a_hint(tmp_path, content, words):
    with pytest.raises(UnreadableFileError, match=re.escape(words)) as raised:
        open_run(stored(tmp_path, content))
    assert "run.jsonl: " in str(raised.value)
    assert "expected a .jsonl[.gz|.zst]" in str(raised.value)


def test_missing_file_and_odd_paths_are_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file or folder"):
        open_run(tmp_path / "nothing.jsonl")
    with pytest.raises(UnreadableFileError):
        open_run("a\0b")
    with pytest.raises(UnreadableFileError, match="not a regular file"):
        open_run("/dev/null")
    with pytest.raises(InputError, match="path: expected a str or a Path, got int"):
        open_run(3)
    with pytest.raises(OptionError, match="max_line_bytes: expected at least 1, got 0"):
        open_run(tmp_path, max_line_bytes=0)


def test_folder_of_other_things_is_refused_with_a_hint(tmp_path):
    with pytest.raises(EmptyRunError, match="a folder with no episodes"):
        open_run(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnreadableFileError, match=r"it holds notes.txt; expected"):
        open_run(tmp_path)
    stored(tmp_path, lines(1))
    with pytest.raises(UnreadableFileError, match="pass the file itself"):
        open_run(tmp_path)


def test_line_beyond_the_cap_is_skipped_and_reported(tmp_path):
    long = line("long", extra={"x": "y" * 5000}).encode()
    for data in (lines(1) + long + b"\n" + line("after").encode(), long + b"\n" + lines(1), lines(1) + long):
        reader = open_run(stored(tmp_path, data), max_line_bytes=1000)
        assert ("long", 0) not in keys(reader)
        (problem,) = reader.problems
        assert problem.message == "longer than max_line_bytes = 1000; left out"
        assert len(keys(open_run(tmp_path / "run.jsonl"))) == len(keys(reader)) + 1


def test_line_of_a_hundred_megabytes_is_read_or_reported(tmp_path):
    path = tmp_path / "run.jsonl"
    with path.open("wb") as file:
        file.write(lines(1))
        file.write(b'{"task": {"id": "big"}, "steps": [{"observation": {"text": "')
        for _ in range(100):
            file.write(b"x" * 10**6)
        file.write(b'"}}]}\n')
    reader = open_run(path)
    assert [len(one.steps[0].observation.text) for one in reader if one.steps] == [10**8]
    capped = open_run(path, max_line_bytes=10**7)
    assert keys(capped) == [("0", 0)]
    assert capped.problems[0].line == 2


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b'{"task": {"id": "\xff"}}', "byte 0xff at position 17 is not UTF-8"),
        (b'{"task": {"id": "a\0b"}}', "not JSON: Invalid control character"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"task": {"id": "x"}, "extra": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b'{"task": {"id": "x"}, "repeat": ' + b"9" * 10_000 + b"}", "not a usable number"),
        (b'{"task": {"id": "x"}, "repeat": -1}', "repeat: input should be greater than or equal to 0"),
        (b'{"task": {"id": ""}}', "task.id: string should have at least 1 character"),
        (b'{"task": {"id": "x"}, "outcome": {"score": 1.5}}', "outcome.score"),
        (
            b'{"task": {"id": "x"}, "surprise": 1}',
            "surprise: unknown field; what no field has a place for goes",
        ),
        (b'{"task": {"id": "x"}, "steps": {"0": 1}}', "steps: input should be a valid tuple"),
        (b"null", "a JSON value that is no trajectory"),
        (b"7", "a JSON value that is no trajectory"),
    ],
)
def test_hostile_line_is_a_reported_problem(tmp_path, bad, words):
    reader = open_run(stored(tmp_path, lines(1) + bad + b"\n"))
    assert keys(reader) == [("0", 0)]
    (problem,) = reader.problems
    assert words in problem.message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_number_that_json_lacks_is_read_as_null_and_reported(tmp_path, number):
    reader = open_run(stored(tmp_path, f'{{"task": {{"id": "x"}}, "outcome": {{"score": {number}}}}}'))
    (episode,) = reader
    assert episode.outcome.score is None
    assert reader.problems[0].message == f"{number} is no JSON number; read as null"


def test_half_of_a_surrogate_pair_is_replaced_and_reported(tmp_path):
    reader = open_run(stored(tmp_path, r'{"task": {"id": "x"}, "extra": {"a\udc00": ["\ud800", "\ud83d\ude00"]}}'))
    (episode,) = reader
    assert episode.extra == {"a�": ["�", "😀"]}
    assert len(reader.problems) == 1


def test_names_from_a_file_cannot_reach_the_terminal_through_a_message(tmp_path):
    twice = line("\x1b[2J" + "x" * 10_000) + "\n"
    with pytest.raises(DuplicateKeyError) as raised:
        keys(open_run(stored(tmp_path, twice * 2)))
    assert "\x1b" not in str(raised.value)
    assert "\\x1b[2J" in str(raised.value)
    assert len(str(raised.value)) < 700
    with pytest.raises(UnreadableFileError) as raised:
        open_run(stored(tmp_path, '{"\\u001b[2J": 1}'))
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_compressed_bomb_is_skipped_in_bounded_memory(tmp_path, pack):
    bomb = pack(b"[" + b"0," * 50_000_000)
    path = stored(tmp_path, pack(lines(1)) + bomb)
    assert len(bomb) < 200_000
    reader = open_run(path, max_line_bytes=10**6)
    assert keys(reader) == [("0", 0)]
    assert reader.problems[0].line == 2


def test_a_record_of_version_1_is_migrated(tmp_path):
    step = {
        "observation": {"text": "page"},
        "response": "click",
        "extra": {"thinking": "hm", "finish_reason": "length", "n": 3},
    }
    record = {"schema_version": 1, "task": {"id": "a"}, "steps": [step, "nonsense"][:1]}
    (read,) = open_run(stored(tmp_path, json.dumps(record)))
    assert read.schema_version == 2
    assert (read.steps[0].thinking, read.steps[0].finish_reason, read.steps[0].extra) == ("hm", "length", {"n": 3})


def test_migration_keeps_what_it_does_not_understand(tmp_path):
    step = {"observation": {"text": "page"}, "extra": {"thinking": ["a list"], "finish_reason": None}}
    (read,) = open_run(stored(tmp_path, json.dumps({"schema_version": 1, "task": {"id": "a"}, "steps": [step]})))
    assert (read.steps[0].thinking, read.steps[0].extra) == (None, {"thinking": ["a list"], "finish_reason": None})
