"""The lines of the ledger: a promise of issue 7, the tests that hold it, the broken variants that must be noticed.

A test is named as pytest names it, a whole file or one function. `missing` says what no test holds yet, and why.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line."""

    name: str
    promise: str
    tests: tuple[str, ...] = ()
    bites: tuple[str, ...] = ()
    missing: str = ""


S, M, D = "tests/server/", "tests/monitors/", "tests/decoding/"

ROWS = (
    Row("T1", "Random edits in three encodings: 0 differences from the specification",
        (f"{S}test_text.py::test_random_edits_give_the_text_of_the_specification",
         f"{S}test_text.py::test_random_edits_of_any_seed"),
        (f"{S}test_text.py::test_a_text_that_splits_like_python_fails_the_law",
         f"{S}test_text.py::test_a_text_that_clamps_before_the_last_character_fails_the_law")),
    Row("T2", "The cases by hand: odd separators, past the end, lone halves, no final newline",
        (f"{S}test_text.py::test_insertion_by_hand", f"{S}test_text.py::test_edit_by_hand",
         f"{S}test_text.py::test_position_by_hand",
         f"{S}test_text.py::test_halves_of_a_pair_sent_in_two_edits_become_one_character"),
        (f"{S}test_text.py::test_a_text_that_splits_a_pair_differently_fails_the_law",),
        missing="Microsoft's own text model as a second oracle: 24,000 of 24,000 edits agreed in research"),
    Row("T3", "The same over stdio, the hash compared as it goes; memory flat",
        (f"{S}test_protocol.py::test_random_edits_over_the_wire_end_in_the_same_text",)),
    Row("T4", "Scripted edits in VS Code and Neovim end in the same hash", (), (), "no script of 2,000 edits in the editors"),
    Row("T5", "A text that drifted is healed by the next save, counted, and never logged",
        (f"{S}test_documents.py::test_a_save_that_differs_heals_and_is_counted_and_never_logged",
         f"{S}test_documents.py::test_a_version_that_does_not_increase_loses_step",
         f"{S}test_documents.py::test_a_change_of_a_document_never_opened_offers_nothing_until_its_full_text",
         f"{S}test_documents.py::test_the_full_text_heals",
         f"{S}test_bad_input.py::test_a_save_that_shows_another_text_heals_ours_and_is_counted")),
    Row("T6", "Exactly one answer to each request, none for another version than it claims, in any interleaving",
        (f"{S}test_interleavings.py::test_every_request_gets_one_answer_and_none_for_another_text",),
        (f"{S}test_interleavings.py::test_a_server_that_forgets_to_look_is_noticed",)),
    Row("T7", "Damaged frames: the next valid request is answered, bad parameters are −32602, no pop-ups",
        (f"{S}test_wire.py", f"{S}test_protocol.py::test_bytes_that_are_no_message_do_no_harm",
         f"{S}test_protocol.py::test_any_spelling_of_the_header_is_understood",
         f"{S}test_protocol.py::test_bad_parameters_are_answered_with_the_id",
         f"{S}test_protocol.py::test_messages_that_are_none_do_no_harm")),
    Row("T8", "Every message sent is one of the protocol and was announced; 0 bytes on stdout outside frames",
        (f"{S}test_protocol.py::test_what_a_handler_prints_is_not_on_the_wire",
         f"{S}test_faults.py::test_what_libraries_print_does_not_reach_the_wire",
         f"{S}test_start.py::test_a_client_that_announces_nothing_is_sent_nothing_but_the_status"),
        (f"{S}test_protocol.py::test_the_tests_own_editor_notices_a_traceback",)),
    Row("T9", "Analysis killed and stopped again and again: no question lost, no answer wrong, the status says so",
        (f"{M}test_killings.py::test_no_question_is_lost_and_no_answer_is_wrong",
         f"{M}test_killings.py::test_a_document_that_kills_while_it_is_warmed_up_is_not_warmed_up_for_ever",
         f"{M}test_process.py", f"{S}test_faults.py::test_analysis_killed_in_mid_question_costs_at_most_one_list",
         f"{S}test_faults.py::test_analysis_that_hangs_for_a_moment_costs_one_list_and_its_answer_is_not_lost",
         f"{S}test_faults.py::test_analysis_that_never_answers_again_is_replaced"),
        (f"{M}test_killings.py::test_a_process_that_loses_or_mixes_questions_is_noticed",)),
    Row("T10", "Every way of ending, whatever is busy: the process and its children are gone within a second",
        (f"{S}test_endings.py", f"{S}test_protocol.py::test_the_end_comes_within_a_second_and_with_the_right_code",
         f"{S}test_protocol.py::test_the_slowest_of_these_ends",
         f"{S}test_protocol.py::test_a_parent_that_is_gone_is_noticed_though_the_pipes_are_held",
         f"{S}test_protocol.py::test_a_client_that_reads_nothing_cannot_keep_the_server"),
        (f"{S}test_endings.py::test_what_is_left_is_noticed",)),
    Row("T11", "The server killed while analysis is in a C call: no process two seconds later",
        (f"{S}test_endings.py::test_every_way_out_of_every_state", f"{M}test_process.py::test_it_dies_with_its_parent"),
        (f"{S}test_endings.py::test_what_is_left_is_noticed",),
        missing="Windows and macOS were not at hand; docs/security.md says so"),
    Row("T12", "A soak: memory, threads, descriptors and registries flat"),
    Row("T13", "Storms of file events, folders, open documents: a ping is answered in 100 ms"),
    Row("T14", "Disks full, read-only, caches damaged, no home: the same answers, one line in the log",
        (f"{M}test_cache.py::test_no_folder_and_no_room_are_no_errors",
         f"{S}test_start.py::test_a_log_that_cannot_be_written_is_no_reason_not_to_serve")),
    Row("T15", "The model raises, panics, hangs: nothing offered, the reason in the status, the next request served",
        (f"{S}test_model_faults.py::test_broken_at_any_step_it_offers_nothing_says_why_and_serves_the_next",
         f"{S}test_model_faults.py::test_a_model_that_hangs_keeps_nobody_waiting", f"{S}test_model_thread.py",
         f"{S}test_faults.py"),
        (f"{S}test_model_faults.py::test_a_server_that_waits_for_a_model_that_hangs_is_noticed",)),
    Row("T16", "Cancelled at any time: writing stops within a token, the queue is empty at rest",
        (f"{S}test_model_faults.py::test_cancelled_at_any_time_it_stops_within_a_pass_and_nothing_is_left",
         f"{S}test_features.py::test_a_cancelled_request_is_answered_as_cancelled",
         f"{S}test_model_thread.py::test_the_latest_job_wins_and_a_cancelled_one_is_told"),
        (f"{S}test_model_faults.py::test_a_decoder_that_does_not_look_is_noticed",)),
    Row("T17", "Size: large files served or refused with the reason, in linear time",
        (f"{S}test_bad_input.py::test_a_file_of_twenty_thousand_lines_is_served",
         f"{S}test_bad_input.py::test_a_line_of_a_hundred_thousand_characters_is_served",
         f"{S}test_bad_input.py::test_what_is_not_analysed_is_refused_with_the_reason",
         f"{M}test_syntax.py::test_deep_trees_are_no_deep_recursion",
         f"{M}test_syntax.py::test_a_keystroke_in_20_000_lines_is_cheap")),
    Row("T18", "Every place of real files, as they are, cut off and broken: no error answers",
        (f"{S}test_bad_input.py::test_a_real_file_cut_off_anywhere_is_no_error_anywhere",)),
    Row("T19", "Random programs: no error answers, incremental trees equal fresh ones",
        (f"{M}test_syntax.py::test_an_edited_tree_is_a_fresh_tree",)),
    Row("T20", "Strict: warnings are errors in every test", ()),
    Row("S1", "A hostile workspace: 0 markers, no program run but ours, no connection, no write outside our folders",
        (f"{S}test_silence.py::test_the_kernel_sees_no_program_but_ours_no_network_and_no_file_outside_our_folders",
         f"{S}test_hostile_workspace.py", f"{M}test_hostile.py::test_nothing_of_a_workspace_is_run"),
        (f"{S}test_silence.py::test_a_server_that_does_any_of_that_is_noticed",
         f"{M}test_hostile.py::test_the_traps_go_off_when_they_are_run")),
    Row("S2", "What not executing costs: member lists with and without"),
    Row("S3", "Files that bite: every question answered in a second",
        (f"{M}test_reader.py", f"{M}test_hostile.py::test_files_that_bite_do_not_hang",
         f"{M}test_hostile.py::test_a_memory_bomb_is_an_open_answer")),
    Row("S4", "Nothing of the current folder or PYTHONPATH is imported at start",
        (f"{S}test_isolation.py", f"{S}test_hostile_workspace.py::test_the_doctor_in_a_hostile_folder_runs_nothing_of_it")),
    Row("S5", "Caches planted, truncated, linked, foreign: nothing executed, same answers, file replaced",
        (f"{M}test_cache.py", f"{M}test_hostile.py::test_damaged_caches_are_replaced")),
    Row("S6", "Hostile models: nothing executed, nothing on stdout, nothing read from stdin, the reason in the status",
        (f"{S}test_faults.py",)),
    Row("S7", "Docstrings and model output: nothing of theirs is active, what is inserted is what was shown"),
    Row("S8", "Silence: works without a network; a secret typed is in no log, status or cache",
        (f"{S}test_silence.py::test_a_secret_of_a_buffer_or_the_environment_is_in_no_file_afterwards",
         f"{S}test_silence.py::test_without_a_network_everything_works"),
        (f"{S}test_silence.py::test_a_server_that_does_any_of_that_is_noticed",)),
    Row("S9", "Settings of a workspace cannot name executables, models, devices, logs",
        (f"{S}test_start.py::test_an_untrusted_workspace_sets_nothing_of_the_machine", f"{S}test_settings.py",
         f"{S}test_generated.py")),
    Row("S10", "No listener: no socket in any mode",
        (f"{S}test_silence.py::test_the_kernel_sees_no_program_but_ours_no_network_and_no_file_outside_our_folders",),
        (f"{S}test_silence.py::test_a_server_that_does_any_of_that_is_noticed",)),
    Row("S11", "docs/security.md: each sentence names the test that holds it"),
)
