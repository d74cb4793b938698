// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The newest 512 things that happened, kept over restarts, crashes and torn writes.
//
//   control thread: append() -> memory (snapshot() reads it) -> bounded queue
//   writer thread:                                               queue -> one write + fsync per batch -> FILE
//                                                                over 1024 lines: newest 512 -> FILE.new, fsync, rename
//
// The control thread never touches the disk after load(). A full queue drops the line from the file (not from
// memory) and counts it. One JSON object per line; mode 0640.
#pragma once

#include <boost/json/object.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace systole::control {

class History {
public:
	static constexpr std::size_t max_entries = 512;
	static constexpr std::size_t max_file_lines = 1024;
	static constexpr std::size_t max_queued = 4096;
	static constexpr std::size_t max_file_bytes = 4U << 20; // read at most the end of a longer file

	History() = default;
	~History() { stop(); }
	History(const History &) = delete;
	History &operator=(const History &) = delete;

	// Reads what is there and starts the writer. Lines that are no JSON object with a text are skipped and counted.
	// False: the file cannot be read or written, `error` says why; entries are then kept in memory only.
	bool load(const std::string &file, std::string &error);
	void append(boost::json::object entry);
	// Writes what is queued, ends the writer. append() then keeps entries in memory only.
	void stop();

	// Oldest first. Control thread only, as is everything above.
	[[nodiscard]] const std::deque<boost::json::object> &entries() const { return m_entries; }
	[[nodiscard]] std::vector<boost::json::object> snapshot() const { return {m_entries.begin(), m_entries.end()}; }
	// Changes between primary and secondary since this process started.
	[[nodiscard]] std::uint64_t failovers() const { return m_failovers; }

	[[nodiscard]] std::size_t skipped_lines() const { return m_skipped; }              // at load()
	[[nodiscard]] std::uint64_t dropped() const { return m_dropped.load(); }           // queue full
	[[nodiscard]] std::uint64_t write_errors() const { return m_write_errors.load(); } // disk full, ...

private:
	void run();
	[[nodiscard]] bool write_batch(const std::deque<std::string> &batch);
	[[nodiscard]] bool compact();

	// control thread
	std::deque<boost::json::object> m_entries;
	std::size_t m_skipped = 0;
	std::uint64_t m_failovers = 0;
	std::thread m_writer;

	// between both
	std::mutex m_mutex;
	std::condition_variable m_wake;
	std::deque<std::string> m_queue;
	bool m_stopping = false;
	std::atomic<std::uint64_t> m_dropped{0};
	std::atomic<std::uint64_t> m_write_errors{0};

	// writer thread (load() before it starts)
	std::string m_file;
	int m_fd = -1;
	std::deque<std::string> m_lines; // what the file should hold: the newest 512
	std::size_t m_file_lines = 0;
	bool m_damaged = false; // the file holds something else: write it anew
};

// /proc/sys/kernel/random/boot_id, empty if there is none.
[[nodiscard]] std::string boot_id();

} // namespace systole::control
