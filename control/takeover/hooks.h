// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Role hooks: the administrator's program that is told when this member changes its role.
//
//   idle --run()--> running --exit--> idle
//                    |   run(), or past its deadline
//                    v
//                  ending: SIGTERM to the process group, SIGKILL after a grace --exit--> idle, then the waiting call
//
// One at a time and in order: a hook of an old role is ended before that of the new role begins. A role that was left
// again before its hook could begin is skipped. One runner per virtual cluster.
// The program finds in its environment SYSTOLE_ROLE, SYSTOLE_VCLUSTER, SYSTOLE_EPOCH, SYSTOLE_REASON,
// SYSTOLE_INSTANCE and a plain PATH, nothing else; how else it is separated from this process is said in spawn.h.
#pragma once

#include "control/core/types.h"
#include "control/takeover/spawn.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace systole::control {

struct HookCall {
	std::string path; // absolute
	std::string role; // "primary", "secondary", ...
	unsigned vcluster = 1;
	std::uint64_t epoch = 0;
	std::string reason;
	core::Duration deadline = std::chrono::seconds{10}; // from its start
};

enum class HookOutcome : std::uint8_t {
	finished,     // ended by itself: exit_status, or signal
	start_failed, // code says why
	timed_out,    // ended at its deadline
	superseded,   // ended because the role changed again
	skipped,      // never began, for the same reason
	stopped,      // ended because this process stops
};
[[nodiscard]] std::string_view to_string(HookOutcome outcome); // "timed-out"

struct HookResult {
	HookCall call;
	HookOutcome outcome = HookOutcome::finished;
	int exit_status = 0;
	int signal = 0;
	int code = 0; // errno of start_failed
	core::Duration duration{};
	std::string output{};             // stdout and stderr, the first HookRunner::output_limit bytes
	std::size_t output_discarded = 0; // bytes beyond that

	[[nodiscard]] std::string text() const; // one line for the log
};

class HookRunner {
public:
	static constexpr std::size_t output_limit = 4096;
	static constexpr core::Duration grace = std::chrono::milliseconds{500}; // from SIGTERM to SIGKILL

	// Called once per run(), from inside run(), poll() or stop().
	using Done = std::function<void(const HookResult &)>;

	// `spawn`: how a hook is started, if not by this process itself.
	HookRunner(std::string instance, Done done, SpawnHook spawn = {});
	~HookRunner(); // stop()
	HookRunner(const HookRunner &) = delete;
	HookRunner &operator=(const HookRunner &) = delete;

	void run(HookCall call, core::Time now);
	// Call it when pidfd() or output_fd() is readable and at next_deadline(). Never blocks.
	void poll(core::Time now);
	// SIGKILL for what runs, and waits for its end.
	void stop(core::Time now);

	[[nodiscard]] bool busy() const { return m_pid > 0; }
	[[nodiscard]] int pidfd() const { return m_pidfd; }         // readable when the hook has ended; -1 when idle
	[[nodiscard]] int output_fd() const { return m_output_fd; } // readable when it has printed; -1 when idle
	[[nodiscard]] core::Time next_deadline() const { return m_deadline; } // core::never when idle

private:
	void start(core::Time now);
	void end(HookOutcome why, core::Time now);
	void collect_output();
	void conclude(int exit_status, int signal, core::Time now);
	[[nodiscard]] bool reap(bool wait, core::Time now);

	std::string m_instance;
	Done m_done;
	SpawnHook m_spawn;
	std::optional<HookResult> m_current;
	std::optional<HookCall> m_waiting;
	core::Time m_started{};
	core::Time m_deadline = core::never;
	pid_t m_pid = -1; // also its process group
	int m_pidfd = -1;
	int m_output_fd = -1;
	bool m_ending = false;
};

} // namespace systole::control
