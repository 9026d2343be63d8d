"""What may be done to a plant through Genba, by STRIDE; each with the test that tries it, or the subject of the work it comes with.

Tests are named ``folder/file.py::function``, below ``tests``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The six of STRIDE."""

    SPOOFING = "spoofing"
    TAMPERING = "tampering"
    REPUDIATION = "repudiation"
    DISCLOSURE = "disclosure"
    DENIAL = "denial"
    ELEVATION = "elevation"


@dataclass(frozen=True, slots=True)
class Threat:
    """One thing somebody may try.

    Attributes:
        attack: What he does.
        answer: What stands against it.
        tried: The test that does it.
        later: Of a threat through something that is not built yet: what it comes with.
        accepted: What he can do all the same, and why that is borne.
    """

    kind: Kind
    attack: str
    answer: str
    tried: str = ""
    later: str = ""
    accepted: str = ""


S, T, R, I, D, E = Kind  # noqa: E741 - the letters of STRIDE

THREATS: Final = (
    Threat(
        T,
        "Parts that no machine counted, booked as if a line had reported them by itself",
        "That a report was automatic says the database alone, and how much it is",
        "production/test_automatic.py::test_a_station_says_of_no_report_that_it_was_automatic",
    ),
    Threat(
        T,
        "A running total that shifts every figure after it",
        "Totals are worked out by the database; what a station says is not taken",
        "production/test_runs.py::test_a_station_does_not_say_what_the_total_is",
    ),
    Threat(
        S, "A copied badge", "A badge names; the PIN proves", "security/test_people.py::test_a_copied_badge_opens_nothing_without_its_pin"
    ),
    Threat(
        S, "Every PIN in turn", "Five comparisons, then a lock", "security/test_people.py::test_ten_thousand_pins_are_compared_five_times"
    ),
    Threat(
        S,
        "The same PIN for every code",
        "The panel is locked, nobody else",
        "security/test_people.py::test_a_panel_that_guesses_locks_itself_and_nobody_else",
    ),
    Threat(
        S,
        "Guesses at the same moment, in rolled-back transactions",
        "Claimed in one transaction, answered in the next",
        "security/test_people.py::test_a_failure_cannot_be_taken_back",
    ),
    Threat(
        S,
        "Asking which codes exist",
        "Same words, same work",
        "security/test_people.py::test_a_code_nobody_has_answers_like_one_that_exists",
    ),
    Threat(S, "A server of somebody else", "verify-full and channel binding", "store/test_tls.py::test_a_certificate_of_somebody_else"),
    Threat(
        S,
        "Somebody between panel and server",
        "channel binding",
        "store/test_tls.py::test_somebody_in_the_middle_with_a_certificate_that_is_good",
    ),
    Threat(
        S,
        "A server that asks for the password in clear",
        "require_auth=scram-sha-256",
        "store/test_address.py::test_a_password_is_not_handed_to_a_server_that_asks_for_it_in_clear",
    ),
    Threat(
        S,
        "A token or seal taken to another panel",
        "Sessions belong to their station",
        "security/test_people.py::test_a_token_and_a_seal_are_of_no_use_at_another_panel",
    ),
    Threat(S, "A panel writes as another one", "The log-in is the station", "security/test_guard.py::test_the_panels_are_who_they_are"),
    Threat(
        S,
        "Two panels with one name record both",
        "Leases with an epoch",
        "security/test_guard.py::test_two_with_one_stations_name_do_not_record_both",
    ),
    Threat(
        S,
        "A recorder wakes up beside its successor",
        "Epochs are compared in the database",
        "security/test_guard.py::test_a_recorder_that_woke_up_writes_nothing_beside_its_successor",
    ),
    Threat(S, "A controller or OPC UA server of somebody else", "Trusted certificates only", later="drivers: OPC UA security"),
    Threat(S, "An MES message sent again, or an older one", "Message id and version", later="MES and ERP synchronisation"),
    Threat(S, "A primary that is none any more", "Timeline guard", later="a database that fails over"),
    Threat(
        T,
        "Statements typed with a panel's credential",
        "Guard, grants, triggers",
        "security/test_hostile.py::test_every_hostile_statement_is_refused",
    ),
    Threat(
        T,
        "Changing rows outside an operation",
        "Row triggers",
        "security/test_hostile.py::test_no_table_is_changed_outside_of_an_operation",
    ),
    Threat(
        T,
        "Changing other tables inside an operation",
        "Operations declare their tables",
        "security/test_hostile.py::test_no_undeclared_table_is_changed_inside_an_operation",
    ),
    Threat(
        T,
        "NaN and infinity in numbers",
        "CHECK against both",
        "security/test_catalogue.py::test_no_number_is_nan_or_without_end",
    ),
    Threat(
        T,
        "SQL in searched text",
        "Bound parameters",
        "security/test_texts.py::test_five_hundred_injections_into_every_search_find_what_they_say",
    ),
    Threat(
        T,
        "SQL in kept text",
        "Bound parameters",
        "security/test_texts.py::test_five_hundred_injections_into_every_text_that_is_kept_are_kept_as_they_are",
    ),
    Threat(
        T,
        "Audit rows changed, removed, added, swapped",
        "Hash chain",
        "security/test_audit_tampering.py::test_tampering_is_found_and_says_where",
    ),
    Threat(
        T,
        "The whole trail rewritten by who owns the database",
        "Heads in files of other panels",
        "security/test_audit_tampering.py::test_a_whole_database_rewritten_is_seen_by_the_file_alone",
    ),
    Threat(
        T,
        "A journal edited on a stolen disk",
        "Each decision is sealed",
        "security/test_people.py::test_an_edited_journal_is_applied_by_nobody",
    ),
    Threat(
        T,
        "A formula in an exported cell",
        "Escaped cells",
        "users/test_export.py::test_what_a_spreadsheet_might_take_for_a_formula_is_a_text",
    ),
    Threat(
        T,
        "An exported trail edited",
        "Detached signature, manifest",
        "users/test_export.py::test_a_changed_cell_a_changed_manifest_and_another_key_are_seen",
    ),
    Threat(
        T,
        "A sealed secret moved or changed",
        "Authenticated encryption bound to its place",
        "store/test_sealing.py::test_another_key_or_place_opens_nothing",
    ),
    Threat(
        T,
        "Hidden and reversing characters in a name",
        "Refused or plain",
        "security/test_texts.py::test_what_a_person_types_as_a_name_is_refused_or_plain",
    ),
    Threat(T, "Entities and swapped WSDL from an ERP", "Pinned WSDL, no DTD", later="MES and ERP synchronisation"),
    Threat(T, "A recipe or screen file with code in it", "Schema and limits", later="recipes and screen files"),
    Threat(T, "An update package replaced", "Signed releases", later="packages and updates"),
    Threat(T, "A write in another unit, or to another controller", "Units and identity of the source", later="drivers: identity and units"),
    Threat(
        R,
        "«It was not me»",
        "One audit row each, also when the panel dies",
        "security/test_guard.py::test_each_operation_has_one_audit_row_also_when_the_panel_dies_at_any_step",
    ),
    Threat(
        R,
        "A signature or leave invented by a panel",
        "Only the guard writes them",
        "security/test_guard.py::test_a_station_cannot_write_a_signature_or_leave_into_the_audit",
    ),
    Threat(
        R,
        "A signature used for another request",
        "Bound to request and session",
        "security/test_guard.py::test_a_signature_stays_with_its_request_and_counts_where_its_signer_may",
    ),
    Threat(
        R,
        "The panel's clock turned by an hour",
        "The server's order, and both times",
        "security/test_guard.py::test_a_clock_changed_by_an_hour_changes_no_order_and_is_seen",
    ),
    Threat(
        R,
        "Refusals in the name of somebody else",
        "Marked as proved by nobody",
        "security/test_guard.py::test_refusals_in_anothers_name_say_that_nobody_was_proved_and_do_not_fill_the_audit",
    ),
    Threat(
        I,
        "Reading what proves a person",
        "No grant; compared in the database",
        "users/test_sign_in.py::test_a_station_cannot_reach_what_proves_a_person",
    ),
    Threat(
        I,
        "Guessing from a stolen file of offline people",
        "argon2id, nothing but the right PIN",
        "security/test_people.py::test_a_stolen_file_of_offline_people_opens_with_the_right_pin_alone",
    ),
    Threat(
        I,
        "PINs in logs, crashes, journals, bundles",
        "They refuse every way out",
        "house/test_planted_secrets.py::test_planted_secrets_are_found_nowhere",
    ),
    Threat(
        I,
        "Passwords of sources in logs, crashes, bundles",
        "Sealed, masked",
        "house/test_planted_site_secrets.py::test_planted_secrets_of_programs_are_found_nowhere",
    ),
    Threat(I, "Asking errors for values", "Errors hold no values", "security/test_texts.py::test_no_error_tells_what_may_not_be_read"),
    Threat(
        I,
        "Reading confidential fields in the table",
        "Sealed columns",
        "store/test_sealing.py::test_a_confidential_column_is_sealed_in_the_table_and_a_text_here",
    ),
    Threat(
        I,
        "The server's log",
        "Passwords go there as verifiers",
        "security/test_denial.py::test_the_servers_log_never_has_a_stations_password",
    ),
    Threat(
        I,
        "A database that asks for a cheap derivation",
        "A least cost",
        "security/test_people.py::test_a_cheap_derivation_is_not_asked_for",
    ),
    Threat(I, "Listening to MQTT in clear", "TLS, a certificate each", later="drivers: MQTT and Sparkplug"),
    Threat(
        D,
        "Two hundred connections of one panel",
        "A limit for each log-in",
        "security/test_denial.py::test_two_hundred_connections_of_one_panel_leave_the_others_theirs",
    ),
    Threat(
        D,
        "Rows locked for ever",
        "Time-outs, and shutting it out",
        "security/test_denial.py::test_what_a_panel_locks_for_ever_costs_others_three_seconds_each_until_it_is_shut_out",
    ),
    Threat(
        D,
        "Noise on the notification channel",
        "Read as ids or as nothing",
        "security/test_denial.py::test_whatever_is_shouted_on_the_channel_is_ids_or_nothing",
    ),
    Threat(
        D,
        "Nonsense relayed for a source",
        "Costs that source's values only",
        "security/test_denial.py::test_nonsense_relayed_of_one_source_costs_its_values_and_no_others",
    ),
    Threat(
        D,
        "Locking somebody out by guessing",
        "An administrator lets him in",
        "security/test_people.py::test_who_was_locked_out_by_another_is_let_in_by_an_administrator",
    ),
    Threat(D, "A flood of alarms", "Rate limits, summary", later="alarms"),
    Threat(D, "Answers without end from a source", "Limits for each driver", later="drivers: hostile answers"),
    Threat(
        E,
        "Doing in some order what one may not",
        "Rights of now, judged in the database",
        "security/test_no_right_appears.py::test_no_sequence_of_operations_gives_a_right_that_the_roles_do_not_have",
    ),
    Threat(
        E,
        "A role lost, its session kept",
        "Rights are read at every operation",
        "security/test_people.py::test_a_role_taken_away_is_gone_from_the_living_session",
    ),
    Threat(E, "A session left open", "Ends by time and at sign-off", "security/test_people.py::test_a_session_that_is_over_is_over"),
    Threat(
        E,
        "Leave used twice or for something else",
        "One request of one session",
        "security/test_guard.py::test_a_supervisors_leave_is_good_once_for_one_request_of_one_session",
    ),
    Threat(
        E,
        "Tables and functions that stand in for the guard's",
        "Fixed search_path that ends in pg_temp",
        "security/test_guard.py::test_tables_and_functions_of_ones_own_do_not_stand_in_for_the_guards",
    ),
    Threat(
        E,
        "A definer function without a fixed path",
        "A lint of the catalogue",
        "security/test_catalogue.py::test_every_function_has_a_fixed_search_path_that_ends_in_pg_temp",
    ),
    Threat(E, "A station named like a mightier role", "Refused", "security/test_denial.py::test_no_station_is_called_like_a_mightier_role"),
    Threat(E, "Out of the kiosk into the system", "Keys and dialogs", later="packages and kiosk"),
    Threat(
        S,
        "Many guesses at the same moment",
        "Counted one by one",
        "security/test_people.py::test_many_guess_at_the_same_moment_and_are_counted_one_by_one",
    ),
    Threat(
        T,
        "A change committed without its audit row",
        "What was begun must be ended, or nothing is kept",
        "security/test_guard.py::test_what_another_connection_applied_cannot_be_committed_twice_past_the_audit",
    ),
    Threat(
        T,
        "A refusal written in the middle, to lose the end",
        "The same",
        "security/test_guard.py::test_a_refusal_in_the_middle_does_not_end_an_operation",
    ),
    Threat(
        T,
        "A way to rows past the triggers",
        "None: no cascades, views, rules, partitions",
        "security/test_catalogue.py::test_no_row_comes_or_goes_past_the_triggers",
    ),
    Threat(
        T,
        "A new table that nobody guards",
        "A lint of the catalogue",
        "security/test_catalogue.py::test_whatever_a_station_may_write_is_guarded",
    ),
    Threat(
        T,
        "Final rows changed by their owner",
        "Triggers for the owner too",
        "security/test_catalogue.py::test_what_is_final_is_final_for_its_owner_too",
    ),
    Threat(
        T,
        "Recording a source that the site gave to others",
        "Leases only to its stations",
        "security/test_guard.py::test_a_source_given_to_certain_stations_is_recorded_by_none_but_them",
        accepted="whoever holds the lease is believed about the machines of that source",
    ),
    Threat(
        T,
        "Texts of a megabyte, half characters, past the door",
        "Limits in the database",
        "security/test_texts.py::test_what_does_not_come_through_the_door_is_stopped_by_the_database",
    ),
    Threat(
        R,
        "A report in another's name, or for a line one may not work on",
        "Rows say who, where and for which request of this operation",
        "security/test_guard.py::test_a_report_is_booked_in_ones_own_name_and_on_ones_own_lines",
        accepted="a hostile panel changes any column of the tables its operation declares: the audit row tells each",
    ),
    Threat(
        R,
        "Saying that somebody was here while the database was away",
        "Only of people this panel may let in, marked as its word",
        "security/test_guard.py::test_a_panel_cannot_say_that_somebody_was_there_or_lock_him_out",
    ),
    Threat(
        R,
        "Guessing without asking for the answer",
        "Counted, and audited afterwards",
        "security/test_people.py::test_one_claim_is_one_answer_however_often_it_is_asked",
    ),
    Threat(
        R,
        "A decision dated back, sealed with an old key",
        "Only into the hours of its session, marked late, for sixty days",
        "security/test_guard.py::test_an_old_seal_is_worth_nothing",
        accepted="a panel that keeps the key of a session can seal for its hours, and facts are judged by the roles of then",
    ),
    Threat(
        I,
        "Reading what no list allows",
        "Rights by table and column, a lint of them",
        "security/test_catalogue.py::test_stations_read_and_write_what_is_listed",
        accepted="a station may read all that screens show, the list of users and the trail among it",
    ),
    Threat(
        I,
        "Calling functions that see everything",
        "Stations call a named list; nobody else any",
        "security/test_catalogue.py::test_nobody_calls_what_he_need_not",
    ),
    Threat(
        I,
        "A proof in the program's own words for an error",
        "Names and states, no values",
        "security/test_texts.py::test_the_programs_own_words_for_an_error_hold_no_values",
    ),
    Threat(
        D,
        "Advisory locks",
        "Whoever needs one gives up in time",
        "security/test_denial.py::test_advisory_locks_keep_nobody_but_an_upgrade_waiting",
        accepted="anybody may take them; who holds one is seen by name",
    ),
    Threat(
        D,
        "Holding up the audit of others",
        "A chain for each station",
        "security/test_denial.py::test_a_stations_own_chain_is_the_only_one_it_can_hold_up",
    ),
    Threat(
        D,
        "Forged notifications",
        "Whoever hears one asks again",
        "security/test_denial.py::test_a_forged_notification_makes_others_ask_again_and_nothing_else",
        accepted="anybody may notify, and a full queue holds up commits: the sender is seen by name",
    ),
    Threat(
        D,
        "A relayed row of megabytes",
        "A limit",
        "security/test_denial.py::test_a_relayed_row_is_not_larger_than_a_second_needs",
    ),
    Threat(
        D,
        "Spoiling one's own log-in",
        "An administrator gives it anew",
        "security/test_denial.py::test_what_a_log_in_may_do_to_itself_harms_itself_alone",
    ),
    Threat(
        D,
        "A stolen panel that connects again and again",
        "Revoked, cut off, cut off again",
        "security/test_denial.py::test_a_revoked_station_is_out_at_once_also_when_it_connects_again_and_again",
    ),
    Threat(
        E,
        "Rights of an old snapshot",
        "Read committed only",
        "security/test_guard.py::test_rights_are_those_of_now_whatever_the_transaction_has_seen",
    ),
    Threat(
        E,
        "An operation held open until its person has gone",
        "Five minutes",
        "security/test_guard.py::test_an_operation_is_not_held_open_until_its_person_has_gone",
    ),
    Threat(
        E,
        "Deciding before a given PIN was changed, by a seal",
        "Refused as with a token",
        "security/test_guard.py::test_who_must_change_his_pin_decides_nothing_with_a_seal_either",
    ),
    Threat(
        E,
        "Writing a machine that a rule forbids",
        "The rule and what the tag asks for, on its line",
        "security/test_guard.py::test_a_rule_against_writing_machines_is_heeded_beside_what_the_tag_asks",
    ),
    Threat(
        E,
        "Leave that is old, or of somebody who has gone",
        "Two minutes, and only of who still may",
        "security/test_guard.py::test_leave_ends_after_two_minutes_with_its_session_and_with_whoever_gave_it",
    ),
    Threat(
        E,
        "Leave for oneself, or from somebody who may not",
        "Refused when it is given",
        "security/test_guard.py::test_leave_is_not_given_to_oneself_nor_by_somebody_who_may_not",
    ),
    Threat(
        R,
        "A refusal noted under the name of another operation",
        "The database compares the two names",
        "security/test_guard.py::test_a_refusal_is_noted_for_the_operation_that_was_asked_for",
    ),
    Threat(
        E,
        "Setting somebody else's PIN",
        "One's own proof for this request, once",
        "security/test_people.py::test_one_changes_ones_own_pin_with_ones_own_proof_once",
    ),
    Threat(
        E,
        "Giving roles with a right for one line",
        "It is none",
        "security/test_no_right_appears.py::test_who_changes_people_on_one_line_only_changes_nobody",
    ),
    Threat(
        E,
        "A day of users, PINs, badges, leave and sign-ins at real doors",
        "Rights are looked up, never kept",
        "security/test_rights.py::test_no_sequence_of_decisions_gives_a_right_that_no_role_gives",
    ),
    Threat(
        E,
        "A log-in that may more than a station",
        "A member of one role",
        "security/test_catalogue.py::test_a_log_in_is_a_member_of_one_role_and_may_nothing_else",
    ),
    Threat(
        E,
        "Making schemas and tables of one's own",
        "No right to",
        "security/test_catalogue.py::test_no_schema_lets_a_station_make_things",
    ),
)
