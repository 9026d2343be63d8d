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
    """

    kind: Kind
    attack: str
    answer: str
    tried: str = ""
    later: str = ""


S, T, R, I, D, E = Kind  # noqa: E741 - the letters of STRIDE

THREATS: Final = (
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
)
