// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/history.h"

#include "control/json_line.h"

#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace systole::control {

namespace {

constexpr mode_t file_mode = 0640;

bool write_all(int fd, std::string_view text)
{
	while (!text.empty()) {
		const ssize_t n = write(fd, text.data(), text.size());
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text.remove_prefix(static_cast<std::size_t>(n));
	}
	return true;
}

// The end of the file, at most `most` bytes; `cut` when it does not begin at the file's beginning.
bool read_end(int fd, std::size_t most, std::string &text, bool &cut)
{
	struct stat info {};
	if (fstat(fd, &info) != 0)
		return false;
	const auto size = static_cast<std::size_t>(info.st_size);
	const std::size_t from = size > most ? size - most : 0;
	cut = from != 0;
	text.resize(size - from);
	std::size_t have = 0;
	while (have < text.size()) {
		const ssize_t n = pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(from + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		have += static_cast<std::size_t>(n);
	}
	text.resize(have);
	return true;
}

void keep_newest(auto &list)
{
	while (list.size() > History::max_entries)
		list.pop_front();
}

bool is_failover(const boost::json::object &entry)
{
	const auto is = [&](std::string_view key, std::string_view word) {
		const boost::json::value *value = entry.if_contains(key);
		return value != nullptr && value->is_string() && value->get_string() == word;
	};
	return is("event", "role") &&
	       ((is("from", "secondary") && is("to", "primary")) || (is("from", "primary") && !is("to", "primary")));
}

} // namespace

bool History::load(const std::string &file, std::string &error)
{
	m_file = file;
	m_fd = open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, file_mode);
	std::string text;
	bool cut = false;
	if (m_fd < 0 || !read_end(m_fd, max_file_bytes, text, cut)) {
		error = "cannot open the history file " + file + ": " + std::strerror(errno) +
			"; events are kept in memory only";
		if (m_fd >= 0)
			close(m_fd);
		m_fd = -1;
		return false;
	}
	std::string_view rest = text;
	while (!rest.empty()) {
		const std::size_t end = rest.find('\n');
		const std::string_view line = rest.substr(0, end);
		rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
		m_damaged = m_damaged || end == std::string_view::npos; // the next line would be glued to it
		++m_file_lines;
		boost::system::error_code failed;
		boost::json::value value =
			boost::json::parse(boost::json::string_view(line.data(), line.size()), failed);
		const boost::json::value *words =
			!failed && value.is_object() ? value.get_object().if_contains("text") : nullptr;
		if (words == nullptr || !words->is_string()) {
			++m_skipped;
			continue;
		}
		m_lines.emplace_back(line);
		m_entries.push_back(std::move(value.get_object()));
		keep_newest(m_lines);
		keep_newest(m_entries);
	}
	m_damaged = m_damaged || cut || m_skipped != 0;
	m_stopping = false;
	m_writer = std::thread([this] { run(); });
	return true;
}

void History::append(boost::json::object entry)
{
	if (is_failover(entry))
		++m_failovers;
	if (m_writer.joinable()) {
		std::string line = json_line(entry);
		const std::lock_guard guard(m_mutex);
		if (m_queue.size() < max_queued)
			m_queue.push_back(std::move(line));
		else
			++m_dropped;
		m_wake.notify_one();
	}
	m_entries.push_back(std::move(entry));
	keep_newest(m_entries);
}

void History::stop()
{
	if (m_writer.joinable()) {
		{
			const std::lock_guard guard(m_mutex);
			m_stopping = true;
			m_wake.notify_one();
		}
		m_writer.join();
	}
	if (m_fd >= 0)
		close(std::exchange(m_fd, -1));
}

void History::run()
{
	std::unique_lock lock(m_mutex);
	for (;;) {
		m_wake.wait(lock, [&] { return m_stopping || !m_queue.empty() || m_damaged; });
		std::deque<std::string> batch;
		batch.swap(m_queue);
		const bool stopping = m_stopping;
		lock.unlock();
		const bool written = write_batch(batch);
		lock.lock();
		if (!written) {
			++m_write_errors;
			if (!stopping) // a full disk must not turn into a busy loop
				m_wake.wait_for(lock, std::chrono::seconds{1}, [&] { return m_stopping; });
		}
		if (stopping && m_queue.empty())
			return;
	}
}

bool History::write_batch(const std::deque<std::string> &batch)
{
	std::string text;
	for (const std::string &line : batch) {
		text += line;
		text += '\n';
		m_lines.push_back(line);
		keep_newest(m_lines);
	}
	m_file_lines += batch.size();
	if (m_damaged || m_file_lines > max_file_lines) {
		m_damaged = !compact();
		return !m_damaged;
	}
	m_damaged = !write_all(m_fd, text) || fdatasync(m_fd) != 0; // half a batch may be there now
	return !m_damaged;
}

// A crash at any point leaves the old file or the new one, whole.
bool History::compact()
{
	std::string text;
	for (const std::string &line : m_lines) {
		text += line;
		text += '\n';
	}
	const std::string fresh = m_file + ".new";
	const int fd = open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, file_mode);
	if (fd < 0)
		return false;
	if (!write_all(fd, text) || fsync(fd) != 0 || rename(fresh.c_str(), m_file.c_str()) != 0) {
		close(fd);
		unlink(fresh.c_str());
		return false;
	}
	close(m_fd);
	m_fd = fd;
	m_file_lines = m_lines.size();
	const std::string directory = m_file.substr(0, m_file.find_last_of('/') + 1);
	if (const int parent = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	    parent >= 0) {
		const bool synced = fsync(parent) == 0; // the rename itself
		close(parent);
		return synced;
	}
	return false;
}

std::string boot_id()
{
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return {};
	std::array<char, 64> text{};
	const ssize_t n = read(fd, text.data(), text.size());
	close(fd);
	std::string id(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
	id.erase(std::find(id.begin(), id.end(), '\n'), id.end());
	return id;
}

} // namespace systole::control
