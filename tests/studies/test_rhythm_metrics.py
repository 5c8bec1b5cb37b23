"""Beats and episodes in a protocol: long tables of outcomes, one row a beat or an episode."""

from __future__ import annotations

import numpy as np
import pytest

import accordance as ac
from accordance.evaluators import beat_classes, beat_detection, episode_detection

HEAD = """\
schema: accordance/protocol/1
id: rhythm
version: "1"
title: Rhythm
intended_use: Tests.
objective: To find beats and episodes.
seed: 1
"""
BEATS = f"""{HEAD}
tables:
  reference:
    key: [subject, event]
    columns:
      subject: {{type: text}}
      event: {{type: integer}}
      beat: {{type: category, levels: [N, S, V, F, Q, O, X]}}
  test:
    key: [subject, event]
    columns:
      subject: {{type: text}}
      event: {{type: integer}}
      beat: {{type: category, levels: [N, S, V, F, Q, O, X]}}
pairings: {{all: {{}}}}
endpoints:
  qrs:
    title: QRS detection
    role: primary
    metric: beat_detection
    average: pooled
    reference: beat
    test: beat
    criterion: {{statistic: qrs_sensitivity, compare: lower, operator: ">=", limit: 0.5}}
  veb:
    title: Ventricular ectopic beats
    role: secondary
    metric: beat_classes
    average: subject_mean
    reference: beat
    test: beat
"""
EPISODES = f"""{HEAD}
tables:
  reference:
    key: [subject, event]
    columns:
      subject: {{type: text}}
      event: {{type: integer}}
      side: {{type: category, levels: [reference, test]}}
      duration: {{type: number, unit: s}}
  test:
    key: [subject, event]
    columns:
      subject: {{type: text}}
      event: {{type: integer}}
      overlap: {{type: number, unit: s}}
pairings: {{all: {{}}}}
endpoints:
  af:
    title: Episodes of atrial fibrillation
    role: primary
    metric: episode_detection
    average: pooled
    reference: duration
    test: overlap
    columns: {{side: reference.side}}
    criterion: {{statistic: episode_sensitivity, compare: point, operator: ">=", limit: 0.5}}
"""


def test_beats_in_a_protocol() -> None:
    random = np.random.default_rng(1)
    subject = [f"s{i // 60:02}" for i in range(1200)]
    reference = random.choice(list("NNNNNVSO"), 1200)
    test = np.where((random.random(1200) < 0.9) & (reference != "O"), reference, "N")
    test[(random.random(1200) < 0.05) & (reference != "O")] = "O"
    place = {"subject": subject, "event": list(range(1200))}
    found = ac.evaluate(
        {**place, "beat": reference.tolist()}, {**place, "beat": test.tolist()}, protocol=BEATS
    )
    assert found.decision == "met"
    for endpoint, wanted in (
        ("qrs", beat_detection(reference, test, subject=subject)),
        ("veb", beat_classes(reference, test, subject=subject, average="subject_mean")),
    ):
        rows = {row["statistic"]: row for row in found.endpoint(endpoint).iter_rows(named=True)}
        assert set(rows) >= set(wanted)
        for name, estimate in wanted.items():
            assert rows[name]["estimate"] == pytest.approx(estimate.value, rel=1e-12)
            if estimate.interval is not None and rows[name]["ci_method"] == estimate.interval.method:
                assert rows[name]["ci_lower"] == pytest.approx(estimate.interval.lower, rel=1e-9)


def test_episodes_in_a_protocol() -> None:
    random = np.random.default_rng(2)
    subject = [f"s{i // 8:02}" for i in range(160)]
    duration = random.uniform(30, 600, 160).round(1)
    overlap = np.where(random.random(160) < 0.8, (duration * 0.9).round(1), 0.0)
    side = random.choice(["reference", "test"], 160)
    place = {"subject": subject, "event": list(range(160))}
    episodes = {**place, "side": side.tolist(), "duration": duration.tolist()}
    found = ac.evaluate(episodes, {**place, "overlap": overlap.tolist()}, protocol=EPISODES)
    wanted = episode_detection(duration, overlap, side, subject=subject)
    rows = {row["statistic"]: row for row in found.endpoint("af").iter_rows(named=True)}
    for name, estimate in wanted.items():
        assert rows[name]["estimate"] == pytest.approx(estimate.value, rel=1e-12)
    assert found.decision == "met"
