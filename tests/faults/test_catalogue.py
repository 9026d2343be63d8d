"""Every fault that a plant has, the tests that make it, and the one in which a guard is taken away and it is noticed.

The faults that the randomised run makes are in ``tests.faults.plan`` as well; what stands here is made alone, or exactly.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.faults.plan import SERVER_FAULTS, STATION_FAULTS

ROOT: Final = Path(__file__).resolve().parents[2]
STORE: Final = "tests/store/test_"
LINES: Final = "tests/faults/test_bad_lines.py::"
FILES: Final = "tests/faults/test_own_files.py::"
SERVER: Final = "tests/faults/test_troubled_server.py::"
DISK: Final = "tests/faults/test_troubled_disk.py::"
DRIVERS: Final = "tests/station/test_acquisition.py::"
RUN: Final = "tests/faults/test_run.py::test_nothing_is_lost_and_nothing_is_doubled"
FORGETFUL: Final = "tests/faults/test_run.py::test_a_station_that_keeps_nothing_is_found"
"""The randomised run, which makes every kind of ``run``, and the mutant of all of it."""
TWICE: Final = f"{LINES}test_a_lost_answer_taken_for_a_no_is_booked_twice"
BAD_LINE: Final = f"{LINES}test_over_a_bad_line_every_decision_is_booked_once"
SILENCE: Final = f"{LINES}test_without_the_watchdog_a_line_that_keeps_silent_holds_who_asks"
LOST: Final = f"{STORE}failover.py::test_without_that_look_it_is_lost"


@dataclass(frozen=True)
class Covered:
    """One fault.

    Attributes:
        words: What happens.
        tests: Node ids without parameters; the first is the one to read.
        teeth: A test in which the guard is missing and the damage is seen; "" needs ``why``.
        run: Kinds of the randomised run that make it.
        why: What is not covered, or has no mutant, and the reason.
    """

    words: str
    tests: tuple[str, ...] = ()
    teeth: str = ""
    run: tuple[str, ...] = ()
    why: str = ""


CATALOGUE: Final = {
    "F01": Covered(
        "the primary dies and the standby is promoted",
        (f"{STORE}failover.py::test_what_a_lagging_standby_never_got_is_booked_again_exactly_once",),
        LOST,
        ("server_failed_over",),
    ),
    "F02": Covered(
        "the whole machine of the primary dies, a failover manager promotes",
        (f"{STORE}failover.py::test_only_a_standby_answers",),
        LOST,
        why="with the manager itself: `python -m tests.benchmarks failover`, which needs its packages",
    ),
    "F03": Covered(
        "the server is killed and comes back in place",
        (
            f"{SERVER}test_a_killed_server_that_comes_back_gets_what_was_decided_meanwhile",
            f"{STORE}engine.py::test_killed_server_is_down_once_and_up_once_and_every_lane_returns",
            f"{STORE}embedded.py::test_killed_server_is_revived_with_its_rows",
        ),
        f"{SERVER}test_without_trying_again_a_server_that_is_back_is_never_found",
        ("server_killed", "server_restarted"),
    ),
    "F04": Covered(
        "a primary that was replaced is started again",
        (f"{STORE}failover.py::test_twenty_of_twenty_write_to_the_new_primary",),
        f"{STORE}failover.py::test_without_the_guard_they_write_to_the_stale_one",
    ),
    "F05": Covered(
        "the synchronous standby dies, commits wait for it",
        (f"{STORE}failover.py::test_a_commit_that_waits_for_a_dead_standby_is_unknown_and_found_by_its_key",),
        TWICE,
    ),
    "F06": Covered(
        "the server is frozen, or slow in everything",
        (
            f"{STORE}engine.py::test_frozen_server_is_noticed_and_close_ends_every_thread_within_3_s",
            f"{STORE}engine.py::test_deadline_cuts_a_slow_statement_and_the_lane_goes_on",
            BAD_LINE,
        ),
        SILENCE,
        ("server_frozen", "server_slow", "network_far"),
    ),
    "F07": Covered("half a line: one direction is dead and nobody is told", (BAD_LINE,), SILENCE, ("half_open_up", "half_open_down")),
    "F08": Covered("connections are reset again and again", (BAD_LINE,), TWICE, ("resets", "network_cut", "commit_cut", "answer_lost")),
    "F09": Covered("a line of 20 kB a second", (BAD_LINE,), TWICE, ("network_narrow",)),
    "F10": Covered("packets are lost", (BAD_LINE,), TWICE, ("packets_lost",)),
    "F11": Covered(
        "no room on the server's disk",
        (f"{SERVER}test_while_the_servers_disk_is_full_decisions_wait", f"{STORE}embedded.py::test_full_disk_has_words"),
        f"{SERVER}test_a_full_disk_taken_for_a_no_costs_the_decision",
        ("server_out_of_disk",),
    ),
    "F12": Covered(
        "the server has no connection left",
        (
            f"{SERVER}test_a_crowded_server_is_nothing_to_who_keeps_his_connections",
            f"{SERVER}test_who_finds_no_connection_left_waits_and_comes_home",
        ),
        f"{SERVER}test_who_gives_his_connection_back_after_each_decision_stands_before_a_crowd",
        ("server_full",),
    ),
    "F13": Covered(
        "somebody holds a lock",
        (
            f"{STORE}door.py::test_a_lock_held_by_somebody_makes_an_offline_decision_wait_and_others_go_on",
            f"{STORE}engine.py::test_lock_and_statement_limits_have_words",
        ),
        f"{LINES}test_without_a_limit_a_lock_is_waited_for_until_the_deadline",
        ("migration_ran",),
    ),
    "F14": Covered(
        "a deadlock, a serialization failure",
        (f"{LINES}test_who_is_the_victim_of_a_deadlock_tries_again_with_the_same_key",),
        f"{LINES}test_without_trying_again_the_victim_of_a_deadlock_has_to_wait",
    ),
    "F15": Covered(
        "a schema that is newer or older than the program",
        (
            f"{STORE}engine.py::test_outside_the_window_the_station_reads_and_says_why",
            "tests/hmi/test_database_away.py::test_outside_the_schema_window_the_screen_is_read_only_and_says_so",
        ),
        f"{LINES}test_without_the_window_a_program_writes_into_a_schema_it_does_not_know",
        ("schema_moved_on", "station_updated"),
    ),
    "F16": Covered(
        "the password of the log-in is changed",
        (f"{STORE}rotated.py::test_whoever_is_connected_works_on_and_what_waits_comes_home_with_the_new_password",),
        f"{STORE}rotated.py::test_with_the_old_password_it_never_comes_home",
    ),
    "F17": Covered(
        "the server's certificate ends",
        (f"{STORE}tls.py::test_a_certificate_that_ends_while_people_work", f"{STORE}tls.py::test_a_certificate_that_is_over"),
        f"{STORE}tls.py::test_with_the_proof_given_up_an_ended_certificate_is_nobodys_business",
    ),
    "F18": Covered("the partition of next month is missing", why="no table is partitioned yet: it comes with the history of values"),
    "F19": Covered(
        "notices of changes are lost",
        (f"{STORE}changes.py::test_lost_connection_is_a_gap_and_listening_goes_on",),
        f"{LINES}test_without_the_gap_told_a_lost_notice_is_never_missed",
        ("notify_lost", "notices_dropped", "listening_ended"),
    ),
    "F20": Covered(
        "a failover in the middle of a batch of machine facts",
        ("tests/equipment/test_failover.py::test_counts_and_states_that_the_old_primary_took_with_it_come_back",),
        "tests/equipment/test_failover.py::test_without_the_memory_they_are_lost",
        why="in batches of rows: nothing is copied (COPY) before the history of values is there",
    ),
    "F21": Covered(
        "a power cut",
        ("tests/faults/test_power.py::test_three_power_cuts", "tests/faults/test_power.py::test_fifty_power_cuts_in_each_mode"),
        "tests/faults/test_power.py::test_a_journal_that_does_not_wait_for_the_disk_loses",
    ),
    "F22": Covered(
        "killed while the journal is being written",
        (
            f"{STORE}journal.py::test_killed_while_writing_everything_acknowledged_is_there",
            f"{STORE}journal.py::test_nothing_is_acknowledged_before_the_disk_has_it",
        ),
        "tests/faults/test_power.py::test_a_journal_that_does_not_wait_for_the_disk_loses",
        ("station_killed", "killed_in_journal", "killed_in_apply", "killed_in_answer"),
    ),
    "F23": Covered(
        "the disk refuses a write or a flush",
        (
            f"{DISK}test_what_the_disk_refuses_is_not_acknowledged",
            f"{STORE}journal.py::test_a_failing_disk_stops_the_acknowledgements_and_loses_none",
        ),
        f"{DISK}test_who_does_not_hear_the_disk_refuse_loses",
    ),
    "F24": Covered(
        "the journal's file is damaged",
        (
            f"{STORE}journal.py::test_a_flipped_byte_anywhere_never_yields_a_changed_request",
            f"{STORE}wal.py::test_a_flipped_byte_anywhere_in_the_log",
            f"{STORE}readstore.py::test_a_damaged_file_is_moved_aside_and_said_once",
        ),
        f"{FILES}test_without_the_checksum_a_changed_request_is_believed",
        ("journal_damaged", "readstore_damaged"),
    ),
    "F25": Covered(
        "no room for the journal",
        (
            f"{STORE}journal.py::test_a_full_disk_refuses_in_words_and_keeps_everything_acknowledged",
            f"{STORE}full_disk.py::test_what_was_done_is_told_as_done_although_the_disk_filled_up_meanwhile",
            f"{DISK}test_without_room_nothing_more_is_acknowledged",
        ),
        f"{DISK}test_who_does_not_hear_that_there_is_no_room_loses",
        ("disk_full",),
    ),
    "F26": Covered(
        "the station's clock jumps",
        (
            f"{FILES}test_whatever_the_clock_shows_entries_keep_their_order_and_their_keys",
            "tests/test_clock.py::test_later_ones_sort_after_earlier_ones_also_when_time_steps_back",
        ),
        f"{FILES}test_by_the_time_they_show_they_would_change_places",
        ("clock_jumped",),
    ),
    "F27": Covered(
        "the station sleeps and wakes up",
        (f"{STORE}lease.py::test_taken_over_after_expiry_and_the_late_one_is_fenced_off",),
        f"{STORE}evidence.py::test_without_a_number_of_his_own_who_slept_writes_beside_his_successor",
        ("station_suspended", "station_slept"),
    ),
    "F28": Covered(
        "the program is started twice on one home",
        (
            "tests/cli/test_station.py::test_two_stations_in_one_home",
            f"{STORE}journal.py::test_the_file_is_in_full_synchronous_wal_and_only_one_program_holds_it",
        ),
        f"{FILES}test_without_the_lock_two_programs_write_one_journal",
    ),
    "F29": Covered(
        "two stations say one name",
        (
            f"{STORE}presence.py::test_the_second_with_a_name_only_shows_until_the_first_has_gone",
            "tests/station/test_one_name.py::test_the_second_panel_with_a_name_shows_and_books_nothing",
        ),
        f"{STORE}presence.py::test_without_numbers_of_their_own_two_with_one_name_both_write",
        ("twin_started",),
    ),
    "F30": Covered(
        "the home cannot be written",
        (
            f"{DISK}test_a_home_that_may_only_be_read_is_said_and_nothing_is_decided_there",
            f"{DISK}test_a_station_with_a_home_that_may_only_be_read_says_so_in_its_first_line",
            f"{STORE}disk.py::test_a_full_disk_and_one_that_may_only_be_read",
            f"{STORE}failover.py::test_a_home_that_cannot_be_written_does_not_stop_the_station",
        ),
        f"{DISK}test_who_goes_on_in_memory_instead_loses_everything",
    ),
    "F31": Covered(
        "the screen dies and the drivers' process lives, or the other way round",
        (
            f"{DRIVERS}test_killed_process_is_noticed_at_once_and_replaced",
            f"{DRIVERS}test_process_ends_with_its_parent_and_keeps_it_light",
        ),
        f"{DRIVERS}test_without_noticing_its_end_dead_values_look_alive",
        why="the other way round has a mutant of its own: test_who_does_not_hear_that_its_station_is_gone_lives_on",
    ),
    "F32": Covered(
        "memory is short",
        (
            f"{DRIVERS}test_decoder_bomb_costs_one_tag_and_no_memory",
            f"{DISK}test_with_too_little_memory_what_was_acknowledged_is_there",
        ),
        f"{DRIVERS}test_a_process_that_wants_too_much_memory_does_not_get_it",
        why="the mutant is the same test with another limit: none",
    ),
    "F33": Covered(
        "the badge reader is pulled out in the middle of a badge",
        ("tests/hmi/test_scanner.py::test_half_a_scan_goes_nowhere_and_is_told",),
        "tests/hmi/test_scanner.py::test_a_few_fast_letters_without_an_end_are_typing",
    ),
    "F34": Covered(
        "another screen, another resolution",
        ("tests/hmi/test_layout.py::test_everything_is_readable_and_touchable",),
        "tests/hmi/test_layout.py::test_a_part_that_keeps_the_width_of_another_screen_is_found",
        why="every size is laid out anew when the program starts; a screen that is pulled out while it runs comes with the kiosk",
    ),
}
TOOTHLESS: Final = {"F18"}
SHARED: Final = {
    LOST: "both lose what a standby never got, however the primary died",
    TWICE: "each of them ends as an answer that never came, and that is what is guarded against",
    SILENCE: "each of them ends as a question without an answer",
    "tests/faults/test_power.py::test_a_journal_that_does_not_wait_for_the_disk_loses": "killed alone shows nothing: the kernel has it",
}
"""Mutants of several faults → why one is enough."""


@cache
def names_in(path: str) -> set[str]:
    """Names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")}


def missing(node_id: str) -> bool:
    path, _, name = node_id.partition("::")
    return not (ROOT / path).exists() or name not in names_in(path)


def test_every_fault_has_its_place() -> None:
    assert list(CATALOGUE) == [f"F{n:02}" for n in range(1, 35)]


@pytest.mark.parametrize("fault", CATALOGUE)
def test_what_is_named_is_there(fault: str) -> None:
    covered = CATALOGUE[fault]
    assert covered.tests or covered.why
    assert covered.teeth or (covered.why and fault in TOOTHLESS)
    assert [one for one in (*covered.tests, *filter(None, [covered.teeth])) if missing(one)] == []


def test_a_mutant_is_of_one_fault_unless_it_is_said_why() -> None:
    mutants = [covered.teeth for covered in CATALOGUE.values() if covered.teeth]
    assert {one for one in mutants if mutants.count(one) > 1} == SHARED.keys()


def test_every_kind_of_the_run_stands_in_the_catalogue_and_no_other() -> None:
    named = {kind for covered in CATALOGUE.values() for kind in covered.run}
    assert named == {*SERVER_FAULTS, *STATION_FAULTS}


def test_a_test_that_is_not_there_is_missed() -> None:
    assert missing("tests/faults/test_run.py::test_nobody_wrote_this")
    assert missing("tests/faults/test_nothing.py::test_nothing")
    assert not missing(RUN)
    assert not missing(FORGETFUL)
