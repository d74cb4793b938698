// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A data plane in user space, over the two rings of one shared file (include/systole/session_ring.h).
//
//   data plane --up: seen, ended, dumps--> SharedMemorySource      SharedMemorySink --down: put, remove--> data plane
//                <--down: dump request, quiet--
//
// Everything in the file may be written by the other side at any time, so nothing of it is believed: our own indexes are
// kept here, records are copied before they are looked at, and an index that cannot be is an overrun like a full ring.
#pragma once

#include "control/sessions/session_source.h"
#include "control/sessions/shared_file.h"

#include "include/systole/session_ring.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace systole::control {

// The file and our end of both rings. One thread.
class SharedMemoryPlane {
public:
	static constexpr std::uint32_t usual_ring_records = 32768; // 4 MiB for each ring

	// `ring_records`: a power of two, 64 at least.
	explicit SharedMemoryPlane(std::string path, std::uint32_t ring_records = usual_ring_records);
	~SharedMemoryPlane(); // close()
	SharedMemoryPlane(const SharedMemoryPlane &) = delete;
	SharedMemoryPlane &operator=(const SharedMemoryPlane &) = delete;

	// Makes the file anew; whoever has an earlier one sees that. True if it is open already.
	[[nodiscard]] bool open(std::string &error);
	void close();
	[[nodiscard]] bool is_open() const { return m_head != nullptr; }
	[[nodiscard]] const std::string &path() const { return m_path; }

	enum class Taken : std::uint8_t { record, nothing, nonsense }; // nonsense: what waited is skipped
	[[nodiscard]] Taken take(systole_session_record &record);
	void skip_all();
	// False: the ring is full. What has to be said first is said first.
	[[nodiscard]] bool tell(const systole_session_record &record);
	// Until it has been told, nothing else is.
	void tell_quiet();
	[[nodiscard]] std::uint32_t room_down() const;
	[[nodiscard]] std::uint32_t ring_records() const { return m_ring_records; }
	[[nodiscard]] std::uint32_t lost() const;     // changes when the data plane could not tell something
	[[nodiscard]] std::uint32_t attached() const; // changes when another data plane begins
	[[nodiscard]] bool torn() const { return m_file != nullptr && m_file->torn(); }

private:
	[[nodiscard]] bool write_down(const systole_session_record &record);

	std::string m_path;
	std::uint32_t m_ring_records;
	std::unique_ptr<SharedFile> m_file;
	systole_ring_head *m_head = nullptr;
	systole_session_record *m_up = nullptr;
	systole_session_record *m_down = nullptr;
	std::uint32_t m_up_tail = 0;
	std::uint32_t m_down_head = 0;
	bool m_owes_quiet = false;
};

class SharedMemorySource final : public SessionSource {
public:
	explicit SharedMemorySource(std::shared_ptr<SharedMemoryPlane> plane) : m_plane(std::move(plane)) {}
	~SharedMemorySource() override;

	[[nodiscard]] bool start(std::string &error) override;
	void stop() override;
	bool poll(SessionListener &listener, std::size_t most) override;
	[[nodiscard]] int descriptor() const override { return m_timer; }
	[[nodiscard]] const SourceCounters &counters() const override { return m_counters; }

private:
	enum class Dump : std::uint8_t { none, wanted, asked, running };

	void take(const systole_session_record &record, SessionListener &listener);
	void begin_dump(std::uint32_t number, SessionListener &listener);
	void end_dump(std::uint32_t number, SessionListener &listener);
	void notice_overrun();
	void notice_newcomer();
	void ask_for_dump();

	std::shared_ptr<SharedMemoryPlane> m_plane;
	SourceCounters m_counters;
	int m_timer = -1; // the other side rings no bell: looked at every few milliseconds
	Dump m_dump = Dump::none;
	bool m_dump_again = false; // something was lost since the dump was asked for
	bool m_said_torn = false;
	std::uint32_t m_dump_number = 0;
	std::uint32_t m_lost = 0;
	std::uint32_t m_attached = 0;
	std::size_t m_without_pause = 0; // records taken since poll() said that nothing waits
	std::chrono::steady_clock::time_point m_ask_again{};
	std::chrono::steady_clock::time_point m_say_again{};
};

class SharedMemorySink final : public SessionSink {
public:
	explicit SharedMemorySink(std::shared_ptr<SharedMemoryPlane> plane) : m_plane(std::move(plane)) {}

	[[nodiscard]] bool start(std::string &error) override;
	void stop() override { m_plane->close(); }
	// A ring that stays full refuses: nobody takes from it.
	std::size_t put(std::span<const core::SessionRecord> records) override;
	std::size_t remove(std::span<const core::SessionKey> keys) override;
	[[nodiscard]] std::span<const std::size_t> refused() const override { return m_refused; }
	[[nodiscard]] bool wants_everything() override; // another data plane has attached
	// Nothing to do: a data plane lets no session expire while it is quiet.
	std::size_t trim(std::span<const core::SessionRecord>) override { return 0; }
	[[nodiscard]] const SinkCounters &counters() const override { return m_counters; }

private:
	[[nodiscard]] bool tell(const systole_session_record &record);
	[[nodiscard]] bool wait_for_room();
	void look_again();

	std::shared_ptr<SharedMemoryPlane> m_plane;
	SinkCounters m_counters;
	std::vector<std::size_t> m_refused;
	std::uint32_t m_attached = 0; // when we were asked last
	std::chrono::steady_clock::time_point m_everything_again{};
	bool m_stalled = false; // waited in vain, and nobody has made room since
};

} // namespace systole::control
