// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Takes a dump of the kernel's connection tracking off its socket, in a thread of its own: the kernel writes an answer
// inside the system call that takes the one before, which costs twice as much as all that is done with it here. So a dump
// is as fast as the kernel, where there is a second CPU.
//
//   ask() -> [thread: recv, recv, ...] -> at most 16 answers wait -> front(), pop()
//
// An answer is older than its reading. Each says how many events had been taken when the kernel began to write it: what
// an event has told since is newer than what the answer says.
#pragma once

#include "control/sessions/conntrack_requests.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace systole::control {

class DumpReader {
public:
	// `events`: of those that were taken so far, counted before they are looked at.
	explicit DumpReader(const std::atomic<std::uint64_t> &events) : m_events(events) {}
	~DumpReader() { stop(); }
	DumpReader(const DumpReader &) = delete;
	DumpReader &operator=(const DumpReader &) = delete;

	[[nodiscard]] bool start(std::string &error);
	void stop();

	enum class Subject { sessions, expectations };
	// Begins a dump; the one before must have come to its end. Not 0: errno, there will be no answer.
	[[nodiscard]] int ask(Subject subject);
	struct Answer {
		std::span<const char> messages; // none: the dump has failed, as `error` says
		std::uint64_t events = 0;
		int error = 0;
	};
	// The oldest one that waits; if there is none, after `patience` at most, when some have come: a wake-up costs as much as
	// a quarter of an answer. Null: none. Valid until pop().
	[[nodiscard]] const Answer *front(std::chrono::microseconds patience);
	void pop();
	// To look at the messages of an answer.
	[[nodiscard]] static bool is_end(const nlmsghdr &header)
	{
		return header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
	}

private:
	static constexpr std::size_t answers = 16;
	static constexpr std::size_t some = 4;             // are worth a wake-up of either thread
	static constexpr std::size_t answer_bytes = 32768; // the kernel's limit

	void run();
	// One dump to its end.
	void read(std::unique_lock<std::mutex> &lock);
	// Into place `number`; true: it is the last one.
	[[nodiscard]] bool take(std::uint64_t number, std::uint64_t events);

	const std::atomic<std::uint64_t> &m_events;
	ConntrackSocket m_socket;
	std::vector<char> m_bytes;
	std::array<Answer, answers> m_answers;
	std::uint64_t m_asked_at = 0; // events then
	bool m_failed = false;        // the socket may still be in the middle of a dump

	std::mutex m_mutex; // ---- below
	std::condition_variable m_news;
	std::uint64_t m_read = 0;  // answers so far; written by the thread
	std::uint64_t m_taken = 0; // written by the caller
	bool m_asked = false;
	bool m_ended = false; // all answers of the dump have been read
	bool m_stopping = false;
	std::thread m_thread;
};

} // namespace systole::control
