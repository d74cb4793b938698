// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/shared_memory_plane.h"

#include "control/log.h"
#include "control/sessions/ring_record.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <thread>

namespace systole::control {

namespace {

constexpr std::uint32_t head_bytes = 4096;
constexpr auto look_interval = std::chrono::milliseconds{2};
constexpr auto dump_patience = std::chrono::seconds{5}; // without an answer; then it is asked for again
// One that begins again and again gets neither all our time nor all our log.
constexpr auto newcomer_interval = std::chrono::seconds{2};
// For a data plane that takes what it is told every 10 ms at least.
constexpr auto room_patience = std::chrono::milliseconds{200};
constexpr auto room_interval = std::chrono::microseconds{100};

systole_session_record bare(std::uint8_t type, std::uint32_t number = 0)
{
	systole_session_record record{};
	record.type = type;
	record.number = number;
	return record;
}

} // namespace

// ---------------------------------------------------------------- the file

SharedMemoryPlane::SharedMemoryPlane(std::string path, std::uint32_t ring_records)
    : m_path(std::move(path)), m_ring_records(ring_records)
{
	assert(std::has_single_bit(ring_records) && ring_records >= 64);
}

SharedMemoryPlane::~SharedMemoryPlane()
{
	close();
}

bool SharedMemoryPlane::open(std::string &error)
{
	if (is_open())
		return true;
	const std::size_t ring_bytes = std::size_t{m_ring_records} * sizeof(systole_session_record);
	auto file = SharedFile::make(m_path, head_bytes + 2 * ring_bytes, error);
	if (file == nullptr)
		return false;
	std::byte *const bytes = file->bytes().data();
	auto *const head = reinterpret_cast<systole_ring_head *>(bytes);
	head->version = SYSTOLE_RING_VERSION;
	head->head_bytes = head_bytes;
	head->record_bytes = sizeof(systole_session_record);
	head->ring_records = m_ring_records;
	head->file_bytes = file->bytes().size();
	head->magic = SYSTOLE_RING_MAGIC;
	if (!file->publish(error))
		return false;
	m_file = std::move(file);
	m_head = head;
	m_up = reinterpret_cast<systole_session_record *>(bytes + head_bytes);
	m_down = m_up + m_ring_records;
	m_up_tail = m_down_head = 0;
	m_owes_quiet = false;
	return true;
}

void SharedMemoryPlane::close()
{
	if (!is_open())
		return;
	systole_ring_store(&m_head->closed, 1);
	m_head = nullptr;
	m_file.reset();
}

// ---------------------------------------------------------------- the rings

SharedMemoryPlane::Taken SharedMemoryPlane::take(systole_session_record &record)
{
	const std::uint32_t head = systole_ring_load(&m_head->up_head);
	if (head == m_up_tail)
		return Taken::nothing;
	if (head - m_up_tail > m_ring_records) {
		m_up_tail = head;
		systole_ring_store(&m_head->up_tail, m_up_tail);
		return Taken::nonsense;
	}
	std::memcpy(&record, &m_up[m_up_tail & (m_ring_records - 1)], sizeof(record));
	// What is looked at from here on is the copy: the compiler may not read the ring a second time.
	std::atomic_signal_fence(std::memory_order_seq_cst);
	systole_ring_store(&m_head->up_tail, ++m_up_tail);
	return Taken::record;
}

void SharedMemoryPlane::skip_all()
{
	m_up_tail = systole_ring_load(&m_head->up_head);
	systole_ring_store(&m_head->up_tail, m_up_tail);
}

std::uint32_t SharedMemoryPlane::room_down() const
{
	// A tail that cannot be looks like a full ring: nothing is overwritten that somebody may be reading.
	const std::uint32_t waiting = m_down_head - systole_ring_load(&m_head->down_tail);
	return waiting > m_ring_records ? 0 : m_ring_records - waiting;
}

bool SharedMemoryPlane::write_down(const systole_session_record &record)
{
	if (room_down() == 0)
		return false;
	std::memcpy(&m_down[m_down_head & (m_ring_records - 1)], &record, sizeof(record));
	systole_ring_store(&m_head->down_head, ++m_down_head);
	return true;
}

bool SharedMemoryPlane::tell(const systole_session_record &record)
{
	if (m_owes_quiet && !write_down(bare(SYSTOLE_QUIET)))
		return false;
	m_owes_quiet = false;
	return write_down(record);
}

void SharedMemoryPlane::tell_quiet()
{
	m_owes_quiet = !write_down(bare(SYSTOLE_QUIET));
}

std::uint32_t SharedMemoryPlane::lost() const
{
	return systole_ring_load(&m_head->lost);
}

std::uint32_t SharedMemoryPlane::attached() const
{
	return systole_ring_load(&m_head->attached);
}

// ---------------------------------------------------------------- source

SharedMemorySource::~SharedMemorySource()
{
	stop();
}

bool SharedMemorySource::start(std::string &error)
{
	stop();
	if (!m_plane->open(error))
		return false;
	m_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	const timespec interval{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(look_interval).count()};
	const itimerspec period{.it_interval = interval, .it_value = interval};
	if (m_timer < 0 || timerfd_settime(m_timer, 0, &period, nullptr) != 0) {
		error = std::string("no timer to look at ") + m_plane->path() + ": " + std::strerror(errno);
		stop();
		return false;
	}
	m_plane->skip_all(); // it was told to nobody; the dump tells what of it holds
	m_lost = m_plane->lost();
	m_attached = m_plane->attached();
	m_dump = Dump::wanted;
	m_dump_again = false;
	return true;
}

void SharedMemorySource::stop()
{
	if (m_timer < 0)
		return;
	::close(std::exchange(m_timer, -1));
	if (m_plane->is_open())
		m_plane->tell_quiet();
	m_dump = Dump::none;
}

bool SharedMemorySource::poll(SessionListener &listener, std::size_t most)
{
	if (m_timer < 0 || !m_plane->is_open())
		return false;
	std::uint64_t expired = 0;
	[[maybe_unused]] const ssize_t read_bytes = read(m_timer, &expired, sizeof(expired));
	std::size_t taken = 0;
	systole_session_record record{};
	for (; taken < most; ++taken) {
		const SharedMemoryPlane::Taken what = m_plane->take(record);
		if (what == SharedMemoryPlane::Taken::nothing)
			break;
		if (what == SharedMemoryPlane::Taken::record) {
			take(record, listener);
			continue;
		}
		++m_counters.unreadable;
		++m_counters.overruns;
		m_dump_again = true;
		break;
	}
	if (taken != 0 && m_dump == Dump::running)
		m_ask_again = std::chrono::steady_clock::now() + dump_patience;
	notice_newcomer();
	notice_overrun();
	ask_for_dump();
	if (m_plane->torn() && !std::exchange(m_said_torn, true))
		log(LogApp::hasync, LogLevel::error,
		    "session pickup: {} was made shorter by another process: no session is taken from there; "
		    "restart systoled, and have the data plane write to the file but not resize it",
		    m_plane->path());
	// A data plane that never stops talking must not keep the caller from everything else.
	m_without_pause = taken == most ? m_without_pause + taken : 0;
	if (m_without_pause <= m_plane->ring_records())
		return taken == most;
	m_without_pause = 0;
	return false;
}

void SharedMemorySource::take(const systole_session_record &record, SessionListener &listener)
{
	switch (record.type) {
	case SYSTOLE_SESSION_SEEN:
		if (const auto session = session_in(record)) {
			++(m_dump == Dump::running ? m_counters.dumped : m_counters.events);
			return listener.seen(*session);
		}
		break;
	case SYSTOLE_SESSION_ENDED:
		if (const auto key = key_in(record)) {
			++m_counters.events;
			return listener.ended(*key);
		}
		break;
	case SYSTOLE_DUMP_BEGIN: return begin_dump(record.number, listener);
	case SYSTOLE_DUMP_END: return end_dump(record.number, listener);
	default: break;
	}
	++m_counters.unreadable;
}

// One that was asked for earlier tells sessions, but not which of them have ended since.
void SharedMemorySource::begin_dump(std::uint32_t number, SessionListener &listener)
{
	if (m_dump != Dump::asked || number != m_dump_number)
		return;
	m_dump = Dump::running;
	++m_counters.dumps;
	listener.dump_began();
}

void SharedMemorySource::end_dump(std::uint32_t number, SessionListener &listener)
{
	if (m_dump != Dump::running || number != m_dump_number)
		return;
	notice_overrun(); // it is counted before the end is written
	m_dump = m_dump_again ? Dump::wanted : Dump::none;
	if (!std::exchange(m_dump_again, false))
		listener.dump_ended();
}

void SharedMemorySource::notice_overrun()
{
	if (const std::uint32_t lost = m_plane->lost(); lost != m_lost) {
		m_lost = lost;
		++m_counters.overruns;
		m_dump_again = true;
	}
	if (m_dump_again && m_dump == Dump::none) {
		m_dump = Dump::wanted;
		m_dump_again = false;
	}
}

// It knows nothing of what another one was asked.
void SharedMemorySource::notice_newcomer()
{
	const std::uint32_t attached = m_plane->attached();
	if (attached == m_attached)
		return;
	m_attached = attached;
	m_dump = Dump::wanted;
	m_dump_again = false;
	const auto now = std::chrono::steady_clock::now();
	if (now < m_say_again)
		return;
	m_say_again = now + newcomer_interval;
	log(LogApp::hasync, LogLevel::info, "session pickup: a data plane has attached to {}", m_plane->path());
}

void SharedMemorySource::ask_for_dump()
{
	const auto now = std::chrono::steady_clock::now();
	// Again, if the data plane took the request and has said nothing for long; where nobody takes, the first one waits.
	const bool unanswered =
		m_dump != Dump::none && now >= m_ask_again && m_plane->room_down() == m_plane->ring_records();
	if (m_dump != Dump::wanted && !unanswered)
		return;
	// No room: at the next look.
	if (!m_plane->tell(bare(SYSTOLE_DUMP_REQUEST, m_dump_number + 1)))
		return;
	++m_dump_number;
	m_dump = Dump::asked;
	m_ask_again = now + dump_patience;
}

// ---------------------------------------------------------------- sink

bool SharedMemorySink::start(std::string &error)
{
	if (m_plane->open(error))
		return true;
	error = "session-source shared-memory: " + error;
	return false;
}

bool SharedMemorySink::wants_everything()
{
	const auto now = std::chrono::steady_clock::now();
	if (!m_plane->is_open() || m_plane->attached() == m_attached || now < m_everything_again)
		return false;
	m_attached = m_plane->attached();
	m_everything_again = now + newcomer_interval;
	return true;
}

bool SharedMemorySink::wait_for_room()
{
	if (m_stalled)
		return false;
	const auto end = std::chrono::steady_clock::now() + room_patience;
	while (m_plane->room_down() == 0) {
		m_stalled = std::chrono::steady_clock::now() >= end;
		if (m_stalled)
			return false;
		std::this_thread::sleep_for(room_interval);
	}
	return true;
}

// Half a ring of progress for each wait: one that takes a record now and then cannot hold us up again and again.
void SharedMemorySink::look_again()
{
	m_stalled = m_stalled && m_plane->room_down() < m_plane->ring_records() / 2;
}

bool SharedMemorySink::tell(const systole_session_record &record)
{
	while (!m_plane->tell(record))
		if (!wait_for_room()) {
			++m_counters.refused;
			m_counters.last_errno = ENOBUFS;
			return false;
		}
	return true;
}

std::size_t SharedMemorySink::put(std::span<const core::SessionRecord> records)
{
	look_again();
	m_refused.clear();
	for (std::size_t i = 0; i < records.size(); ++i) {
		if (records[i].is_expectation()) // of a kernel's helper, which a data plane does not have
			continue;
		if (tell(ring_record(SYSTOLE_SESSION_PUT, records[i])))
			++m_counters.put;
		else
			m_refused.push_back(i);
	}
	return m_refused.size();
}

std::size_t SharedMemorySink::remove(std::span<const core::SessionKey> keys)
{
	look_again();
	m_refused.clear();
	for (std::size_t i = 0; i < keys.size(); ++i) {
		if (keys[i].kind != core::SessionKind::session)
			continue;
		if (tell(ring_record(SYSTOLE_SESSION_REMOVE, keys[i])))
			++m_counters.removed;
		else
			m_refused.push_back(i);
	}
	return m_refused.size();
}

} // namespace systole::control
