import random

import pytest
from counter_world import CounterSource, CounterWorld

from tracewarp.collect import PolicySpec, Start, View, run_episode
from tracewarp.collect.oracle_policies import BELIEVED, MUMBLE, Noise, NoisyOraclePolicy, OraclePolicy
from tracewarp.collect.policies import POLICIES
from tracewarp.collect.simple_policies import GIVE_UP, OverlapPolicy, RandomPolicy, TrivialPolicy
from tracewarp.envs.base import EnvSpec, Observation, TaskRef
from tracewarp.errors import OptionError, PolicyError
from tracewarp.trajectory import Ending, Task

REF = TaskRef("counter", "train", "count", 4)


class Mute(CounterWorld):
    """A world that declares nothing."""

    @property
    def spec(self):
        return EnvSpec(name="mute", driver=None, grammar="", step_budget=5, success="")


def episodes(policy, n, world=CounterWorld):
    with world() as open_world:
        return [run_episode(open_world, policy, REF, CounterSource().task(REF), repeat=i) for i in range(n)]


def actions(trajectory):
    return [step.action for step in trajectory.steps]


def test_the_trivial_policy_gives_up_at_once():
    (found,) = episodes(TrivialPolicy(), 1)
    assert actions(found) == ["stop [N/A]"]


def test_the_random_policy_draws_admissible_actions_by_the_episodes_seed():
    first, again = episodes(RandomPolicy(), 30), episodes(RandomPolicy(), 30)
    assert list(map(actions, first)) == list(map(actions, again))
    assert len({tuple(actions(found)) for found in first}) > 15
    assert all(step.valid for found in first for step in found.steps)
    counts = [sum(actions(found).count(name) for found in first) for name in ("add [1]", "add [2]", "back")]
    assert max(counts) < 3 * min(counts)


@pytest.mark.parametrize("policy", [RandomPolicy(), OraclePolicy(), NoisyOraclePolicy(wrong=0.1)])
def test_a_policy_says_what_the_environment_lacks(policy):
    with pytest.raises(PolicyError, match=r"mute (does not list its admissible actions|knows no solutions)"):
        policy.start(Start(Task(id="1"), 0, 0, Mute().spec, Mute()))


PAGE = """Tab 0 (current): Shop

[1] RootWebArea 'Shop'
\t[4] link 'Lamps and light'
\t[5] link 'Desk lamps'
\t[6] link "Children's desk lamps"
\t[7] StaticText 'link'
\t[8] link 'The'
"""


def walk(policy, objective, pages):
    policy.start(Start(Task(id="1", objective=objective), 0, 0, Mute().spec, Mute()))
    views = (View(Observation(text=page, instruction=objective), i, None, None) for i, page in enumerate(pages))
    return [policy.act(view).action for view in views]


def test_the_follower_takes_the_link_that_shares_most_words_and_stops_when_nothing_is_new():
    taken = walk(OverlapPolicy(), "Find the cheapest desk lamps in the shop", [PAGE] * 4)
    assert taken == ["click [5]", "click [6]", "click [4]", "stop [Lamps and light]"]


def test_the_follower_counts_no_words_that_say_nothing():
    assert walk(OverlapPolicy(), "the of all", [PAGE]) == ["stop []"]


def test_an_oracle_without_noise_makes_no_mistake():
    assert [actions(found) for found in episodes(NoisyOraclePolicy(), 3)] == [
        actions(found) for found in episodes(OraclePolicy(), 3)
    ]


def test_giving_up_early_ends_with_not_available():
    (found,) = episodes(NoisyOraclePolicy(give_up=1), 1)
    assert actions(found) == [GIVE_UP]


def test_a_loop_goes_on_until_the_runner_ends_it():
    (found,) = episodes(NoisyOraclePolicy(loop=1), 1)
    assert actions(found) == ["add [2]"] * 3
    assert found.outcome.ending is Ending.REPEATED_ACTION


def test_a_malformed_answer_holds_no_action_however_often_it_is_asked():
    (found,) = episodes(NoisyOraclePolicy(malformed=1), 1)
    assert actions(found) == [None] * 3
    assert found.outcome.ending is Ending.PARSE_FAILURES
    assert all(step.response == MUMBLE == step.extra["attempts"][0]["response"] for step in found.steps)


def test_after_a_wrong_element_it_stops_wrong_or_goes_on():
    stubborn = episodes(NoisyOraclePolicy(wrong=1, recover=0), 20)
    for found in stubborn:
        assert len(found.steps) <= 2 and found.outcome.score == 0
        assert found.steps[0].action != "add [2]"
        assert found.steps[0].action.startswith("stop") or actions(found)[1:] == [BELIEVED]
    careful = episodes(NoisyOraclePolicy(wrong=0.2, recover=1), 60)
    strayed = [found for found in careful if "go_back" in actions(found)]
    assert strayed
    assert sum(found.outcome.score == 1 for found in strayed) > len(strayed) / 2


def test_a_policy_that_wanders_goes_on_after_its_mistake():
    found = episodes(NoisyOraclePolicy(wander=1), 60)
    assert all(one.steps[0].action != "add [2]" and one.outcome.score == 0 for one in found)
    strayed = [one for one in found if not one.steps[0].action.startswith("stop")]
    assert strayed and all(actions(one)[-1] == BELIEVED for one in strayed)
    assert all(len(one.steps) >= 2 for one in strayed)


def test_a_misread_answer_is_another_name_on_the_page_and_nothing_else_changes():
    for found, right in zip(episodes(NoisyOraclePolicy(misread=1), 5), episodes(OraclePolicy(), 5), strict=True):
        assert actions(found)[:-1] == actions(right)[:-1]
        assert found.steps[-1].action in ("stop [add one]", "stop [add two]")
        assert found.outcome.score == 0
    assert [actions(one) for one in episodes(NoisyOraclePolicy(misread=0, wrong=0.3), 9)] == [
        actions(one) for one in episodes(NoisyOraclePolicy(wrong=0.3), 9)
    ]


def test_the_planted_rates_are_the_rates_in_the_record():
    n, rate = 400, 0.1
    first_steps = [found.steps[0] for found in episodes(NoisyOraclePolicy(wrong=rate, give_up=rate, malformed=rate), n)]
    given_up = sum(step.action == GIVE_UP for step in first_steps)
    malformed = sum(step.action is None for step in first_steps)
    wrong = n - given_up - malformed - sum(step.action == "add [2]" for step in first_steps)
    for count in (given_up, malformed, wrong):
        assert abs(count - n * rate) < 4 * (n * rate * (1 - rate)) ** 0.5, "within four standard deviations"


@pytest.mark.parametrize(
    "rates", [{"wrong": 1.1}, {"loop": -0.1}, {"wrong": 0.6, "loop": 0.6}, {"wrong": "much"}, {"give_up": True}]
)
def test_rates_out_of_range_are_refused(rates):
    with pytest.raises(OptionError, match=r"^policy noisy: "):
        Noise(**rates)


def test_a_specification_is_taken_apart():
    spec = PolicySpec.parse("noisy:wrong=0.1,give_up=0,recover=1")
    assert (spec.factory, spec.settings) == (POLICIES["noisy"], {"wrong": 0.1, "give_up": 0, "recover": 1})
    assert PolicySpec.parse("my.module:Mine").factory == "my.module:Mine"
    own = PolicySpec.parse("my.module:Mine:greedy=true,name=a:b,n=3,x=none")
    assert own.settings == {"greedy": True, "name": "a:b", "n": 3, "x": None}
    model = PolicySpec.parse("model:name=openai:llama3:8b,base_url=http://me:secret@localhost:8000/v1")
    assert model.settings["base_url"] == "http://me:secret@localhost:8000/v1"
    assert "secret" not in model.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("orcale", "expected one of trivial, random"),
        ("", "expected one of trivial"),
        ("no.such.module:Policy", "there is no module no"),
        ("tracewarp.collect.nothing:Policy", "there is no module tracewarp.collect.nothing"),
        ("tracewarp.collect.policies:Nothing", "has no Nothing"),
        ("tracewarp.collect.policies:POLICIES", "expected a class or a function, got dict"),
        ("tracewarp.collect.limits:Limits", "to give an object with name, start, act, describe and close"),
        ("oracle:speed=3", "speed"),
        ("model", "policy model: expected the setting name$"),
        ("model:nam=openai:m,seed=none", "expected the setting name, got nam, seed"),
    ],
)
def test_a_policy_that_is_none_is_one_sentence(text, words):
    with pytest.raises(PolicyError, match=words):
        PolicySpec.parse(text).load()


@pytest.mark.parametrize("text", ["noisy:wrong", "noisy:=1", "noisy:wrong=0.1,,", "noisy:a b=1"])
def test_settings_of_another_form_are_refused(text):
    with pytest.raises(OptionError, match="name=value"):
        PolicySpec.parse(text)


def test_a_setting_that_stands_there_twice_is_refused():
    with pytest.raises(OptionError, match="the setting wrong stands there twice"):
        PolicySpec.parse("noisy:wrong=0.1,loop=0.2,wrong=0.3")


@pytest.mark.parametrize("name", ["api_key", "apikey", "password", "client_secret", "token", "hub_token"])
def test_secrets_do_not_belong_into_what_is_recorded(name):
    with pytest.raises(OptionError, match=f"{name} would be recorded") as raised:
        PolicySpec.parse(f"model:{name}=hunter2")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "model"])
def test_every_policy_of_the_table_loads_and_describes_itself(name):
    policy = PolicySpec.parse(name).load()
    assert policy.name == name
    assert dict(policy.describe()) == dict(PolicySpec.parse(name).load().describe())
    policy.close()
    policy.close()


def test_wrong_elements_are_drawn_from_all_admissible_ones_of_the_verb():
    policy = NoisyOraclePolicy(wrong=1)
    world = CounterWorld()
    drawn = set()
    for seed in range(40):
        observation = world.reset(REF)
        policy.start(Start(Task(id="1"), 0, random.Random(seed).getrandbits(60), world.spec, world))
        drawn.add(policy.act(View(observation, 0, None, None)).action)
    assert drawn == {"add [1]"}, "of the verb add, only one action is not the right one"
