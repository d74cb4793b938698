// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What outlives a boot of what members agreed on: for each peer the resume keys of the last two sessions that began in
// the clear. A ticket made with one lets a peer that comes back past a flood of forged handshakes; it carries no
// traffic secrets (docs/SECURITY.md). The last but one is kept because a crash may have cost the peer the last one.
//
// Kept in memory and, where there is a directory, in a file for each peer (0600), written by a thread of its own: a
// disk may take seconds, and the control thread may not.
#pragma once

#include "control/core/fixed_vector.h"
#include "control/core/types.h"
#include "crypto/bytes.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace systole::control {

class ResumeKeys {
public:
	using Key = crypto::Secret<32>;
	using Complaint = std::function<void(const std::string &)>; // called by the writing thread

	// Memory only.
	ResumeKeys() = default;
	~ResumeKeys(); // what is not written yet is written
	ResumeKeys(const ResumeKeys &) = delete;
	ResumeKeys &operator=(const ResumeKeys &) = delete;

	// Makes the directory (0700) if need be and reads it. False and why: it, or a file in it, is open to others. A file
	// that cannot be understood is complained of and left out.
	[[nodiscard]] bool open(const std::string &directory, Complaint complaint, std::string &error);

	// Newest first; at most as many as there are members.
	[[nodiscard]] core::FixedVector<core::MemberId, core::max_members> acquainted() const;
	// nullptr: none.
	[[nodiscard]] const Key *newest(const core::MemberId &peer) const;
	[[nodiscard]] const Key *older(const core::MemberId &peer) const;
	void keep(const core::MemberId &peer, Key key);

private:
	struct Pair {
		Key newest;
		std::optional<Key> older;
		std::int64_t at_ns = 0; // of the file's last change, or a count of what was kept since
	};
	struct Job {
		std::string name;
		crypto::Secret<192> text;
		std::size_t length = 0;
	};

	[[nodiscard]] bool read(const std::string &name, std::string &error);
	void write(const core::MemberId &peer, const Pair &pair);
	void run();

	std::map<core::MemberId, Pair> m_pairs;
	std::string m_directory;
	Complaint m_complaint;
	std::int64_t m_newest_at_ns = 0;

	std::mutex m_mutex;
	std::condition_variable m_something;
	std::deque<Job> m_jobs;
	bool m_ending = false;
	std::thread m_writer;
};

} // namespace systole::control
