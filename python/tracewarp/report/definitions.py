"""What each figure of the report means, in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """One figure: its name, what it is, which direction is better, what to mind."""

    name: str
    meaning: str
    better: str
    mind: str


DEFINITIONS = (
    Definition(
        "Success rate",
        "The mean over tasks of the share of a task's episodes whose score is 1, also called functional correctness. "
        "Every episode counts, also those without a single step, except transport failures: episodes that the "
        "model's server or the environment ended. A score between 0 and 1 is partial credit: it is counted apart, "
        "is no success, and enters only the mean score.",
        "More is better.",
        "The interval is Wilson's, over the clusters that the page names: tasks of one template succeed and fail "
        "together. An unjudged episode counts as a failure; bounds show what unjudged episodes and transport "
        "failures could change. With more than 5 % of transport failures there is no rate.",
    ),
    Definition(
        "pass@k and consistency",
        "Where tasks have several episodes: pass@k is the chance that at least one of k episodes of a task "
        "succeeds, estimated without bias from all of its episodes and averaged over tasks. Consistency is the "
        "share of tasks whose episodes all succeed or all fail; the share whose episodes all succeed stands below.",
        "More is better for pass@k and for all succeed; consistency alone says nothing about good or bad.",
        "pass@k grows with k for any agent that samples; compare equal k only. Intervals as for the success rate.",
    ),
    Definition(
        "capability@1 and capability@all",
        "Tasks that ask for the same kind of work form a group, a capability. A run shows it when it solves at least "
        "one task of the group that a do-nothing agent does not solve. capability@1 is the share of groups that "
        "are shown when one episode of each task is drawn; capability@all uses every episode. The second figure "
        "divides by the groups that hold a non-trivial task at all.",
        "More is better.",
        "They tell breadth, not reliability: one success is enough, and more episodes per task give more chances. "
        "The row on the source tells where the groups come from. The interval is Wilson's over groups.",
    ),
    Definition(
        "VERTEX_DTW",
        "How closely a trajectory follows a reference trajectory. Steps become vectors, dynamic time warping "
        "aligns the two sequences, and each aligned pair counts by its similarity, less where its positions "
        "in the episode differ, and less what a do-nothing agent would get. Several references "
        "become one score, by default the highest.",
        "More is better; 1 is the reference itself.",
        "It depends on the encoder and the step template, which stand beside every figure; figures of two "
        "encoders cannot be compared. Alignment is one to many: a step may be matched repeatedly. A task "
        "without a reference is left out; a referenced task without a trajectory scores 0.",
    ),
    Definition(
        "Chance level",
        "The mean VERTEX_DTW of the same trajectories against references of other tasks. Unrelated web pages "
        "are similar to each other, so chance is not 0.",
        "Read VERTEX_DTW by its distance from this level.",
        "An encoder that finds every page alike raises both.",
    ),
    Definition(
        "Ceiling and neighbours",
        "The ceiling is what references score against the other references of their task. Last-step cosine and action "
        "edit similarity are two cheaper similarities to the same references.",
        "A score is good when it lies near the ceiling.",
        "On clean data both neighbours separate success from failure better than VERTEX_DTW does.",
    ),
    Definition(
        "Coverage",
        "The share of tasks that have at least one reference.",
        "More is better: the mean speaks for more of the benchmark.",
        "References are usually successful episodes, so what is left out tends to be the hard part.",
    ),
    Definition(
        "Modes of VERTEX_DTW",
        "normalized (the default) rescales the similarity so that the do-nothing agent has 0 and a perfect "
        "match 1; eq1 is the published formula; released is what the published code computes, and can be "
        "negative.",
        "More is better within a mode.",
        "Never compare across modes.",
    ),
    Definition(
        "Steps, invalid actions, early stops",
        "Steps are executed actions; what was recorded after the end is not counted. An action is invalid "
        "when the environment refused it or when it could not be parsed. An episode stops early when the "
        "runner ended it: a step limit, repeated parse failures, a repeated action. Each task "
        "is one value, the mean over its episodes.",
        "Fewer are better, at an equal success rate.",
        "An agent that gives up at once has few steps and no invalid action.",
    ),
    Definition(
        "Comparisons",
        "Differences are taken task by task, over the tasks with a counted episode in every compared run. One "
        "resampling flips the signs of whole clusters in all comparisons at once (max-T): it gives p values that are "
        "adjusted for the number of comparisons, and intervals that hold together and leave out 0 exactly where p is "
        "below 1 - confidence.",
        "A positive difference speaks for the first run.",
        "No difference shown is no proof that two runs are alike: see the smallest difference that these tasks can "
        "show.",
    ),
)
