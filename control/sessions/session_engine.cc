// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/session_engine.h"

#include "control/core/heartbeat.h"
#include "control/log.h"
#include "control/sessions/local_addresses.h"
#include "crypto/bytes.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sched.h>

namespace systole::control {

namespace {

constexpr std::size_t frames_per_turn = 256;
constexpr std::size_t records_per_turn = 2048;
constexpr std::size_t commits_per_turn = 1024;
constexpr std::size_t trimmed_per_turn = 256;
// Between two looks at the source: events come one by one, and one at a time they would cost a wake-up, a system call and a
// frame each.
constexpr auto gathering_time = std::chrono::milliseconds{1};
constexpr auto publication_interval = std::chrono::milliseconds{20};
constexpr auto address_interval = std::chrono::seconds{1};
// Half of what a standby's sink gives a session to live (ConntrackSinkSettings::least_timeout_s): one that never changes
// is put again before it would expire here.
constexpr auto renewal_interval = std::chrono::minutes{30};
constexpr auto renewal_after_release = std::chrono::milliseconds{200};
constexpr auto start_interval = std::chrono::seconds{1};
constexpr auto silence_limit =
	std::chrono::seconds{2}; // of a member that is alive and does not answer a stream's first word
constexpr auto check_patience = std::chrono::seconds{3}; // a copy that heard nothing for so long is not in step
constexpr std::uint8_t most_bids = 16;
constexpr int farewell_turns = 64;
// A release comes some 30 ms after the claim that it makes way for, and a busy machine may take ten times as long. Longer than
// that the successor keeps what its own kernel does to itself for nothing.
constexpr auto heir_patience = std::chrono::milliseconds{1000};
constexpr auto parting_patience = std::chrono::milliseconds{900};
constexpr auto longest_wait = std::chrono::milliseconds{100};
constexpr std::uint8_t dump_rounds = 3; // tags 1-3; 0: nobody has told it yet

core::Time clock_now()
{
	timespec t{};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return core::Time{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

void write_event(int fd)
{
	const std::uint64_t one = 1;
	[[maybe_unused]] const ssize_t written = write(fd, &one, sizeof(one)); // full: it is awake already
}

void clear_event(int fd)
{
	std::uint64_t count = 0;
	[[maybe_unused]] const ssize_t taken = read(fd, &count, sizeof(count));
}

// A takeover waits for this thread: nothing that is not real-time goes before it meanwhile.
class Urgency {
public:
	Urgency() : m_before(getpriority(PRIO_PROCESS, 0)) { (void)setpriority(PRIO_PROCESS, 0, -20); }
	~Urgency() { (void)setpriority(PRIO_PROCESS, 0, m_before); }
	Urgency(const Urgency &) = delete;
	Urgency &operator=(const Urgency &) = delete;

private:
	int m_before; // of this thread alone
};

template <typename T> void publish_value(std::atomic<T> &place, std::type_identity_t<T> value)
{
	place.store(value, std::memory_order_relaxed);
}

} // namespace

SessionEngine::SessionEngine(SessionSettings settings, SessionLanes &lanes, Doorbell &work_bell,
			     std::unique_ptr<SessionSource> source, std::unique_ptr<SessionSink> sink)
    : m_settings(std::move(settings)), m_lanes(lanes), m_work_bell(work_bell), m_source(std::move(source)),
      m_sink(std::move(sink)), m_filter(m_settings.filter)
{
}

SessionEngine::~SessionEngine()
{
	stop();
}

bool SessionEngine::start(std::string &error)
{
	m_store = SessionStore::make(m_settings.capacity, error);
	if (m_store == nullptr || !m_sink->start(error))
		return false;
	std::uint64_t secret = 0;
	crypto::random_bytes(std::as_writable_bytes(std::span(&secret, 1)));
	m_young = std::make_unique<YoungSessions>(m_settings.delay, m_store->table().capacity(), secret);
	m_commits = std::make_unique<CommitQueue>(m_store->table(), *m_sink, m_store->set_words(), m_settings.hot);
	m_receiver = std::make_unique<core::SyncReceiver>(m_store->table(), *m_commits, m_store->receiver_words());
	m_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m_done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m_wake < 0 || m_done < 0) {
		error = std::string("no eventfd: ") + std::strerror(errno);
		return false;
	}
	publish_value(m_status.capacity, m_store->table().capacity());
	m_thread = std::thread([this] { run(); });
	return true;
}

void SessionEngine::stop()
{
	if (m_thread.joinable()) {
		m_stopping.store(true);
		write_event(m_wake);
		m_thread.join();
	}
	for (int *fd : {&m_wake, &m_done})
		if (*fd >= 0)
			close(std::exchange(*fd, -1));
}

// ---------------------------------------------------------------- control thread

void SessionEngine::write_wake() const
{
	write_event(m_wake);
}

void SessionEngine::set(const SessionSituation &situation)
{
	m_latest = situation;
	m_latest.number = ++m_told;
	m_unsent = true;
	flush();
}

void SessionEngine::flush()
{
	if (!m_unsent || !m_situations.push(m_latest))
		return;
	m_unsent = false;
	write_wake();
}

CommitReport SessionEngine::commit(core::Duration patience)
{
	const core::Time begun = clock_now();
	CommitReport report;
	report.waited_for = m_status.commit_pending.load();
	const std::uint32_t wanted = m_commits_wanted.fetch_add(1) + 1;
	clear_event(m_done);
	write_event(m_wake);
	for (core::Time now = begun; now - begun < patience; now = clock_now()) {
		if (static_cast<std::int32_t>(m_commits_done.load() - wanted) >= 0)
			break;
		const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(patience - (now - begun));
		pollfd done{.fd = m_done, .events = POLLIN, .revents = 0};
		if (::poll(&done, 1, static_cast<int>(left.count()) + 1) > 0)
			clear_event(m_done);
	}
	report.left = m_status.commit_pending.load();
	report.took = clock_now() - begun;
	return report;
}

// ---------------------------------------------------------------- the thread

void SessionEngine::run()
{
	m_store->populate();
	while (!m_stopping.load(std::memory_order_relaxed)) {
		const core::Time now = clock_now();
		if (turn(now))
			continue;
		wait(clock_now());
	}
	m_source->stop();
	m_sink->stop();
}

bool SessionEngine::turn(core::Time now)
{
	m_now = now;
	bool more = take_situations(now);
	more = take_frames(now) || more;
	if (tells())
		look_after_source(now);
	if (m_part == Part::source)
		look_after_streams(now);
	if (listens(now)) {
		refresh_local_addresses(now);
		const std::uint64_t before = m_source->counters().events;
		const bool waiting = m_source->poll(*this, records_per_turn);
		const bool any = m_source->counters().events != before;
		m_next_poll = any && !waiting && m_situation.successor == 0 ? now + gathering_time : now;
		more = waiting || more;
	}
	if (m_part == Part::source)
		m_young->take(now, [this](const core::SessionRecord &record) { keep(record); });
	more = send_frames(now) || more;
	follow_hand_over(now);
	const std::uint32_t wanted = m_commits_wanted.load(std::memory_order_acquire);
	if (wanted != m_commits_done.load(std::memory_order_relaxed)) {
		const Urgency urgency;
		m_commits->commit_all(true);
		publish_value(m_status.commit_pending, m_commits->pending());
		m_commits_done.store(wanted, std::memory_order_release);
		write_event(m_done);
	}
	if (m_sink->wants_everything() && !tells()) // a data plane that has just begun
		m_commits->commit_again();
	if (m_renew.exchange(false, std::memory_order_acquire))
		m_next_renewal = now + renewal_after_release;
	if (m_part == Part::heir || (m_settings.hot && m_part == Part::copy)) {
		if (now >= m_next_renewal && follows(now)) {
			m_next_renewal = now + renewal_interval;
			m_commits->commit_again();
		}
		more = m_commits->commit(now, commits_per_turn) || more;
	}
	if (m_trimmed != core::no_slot && !more)
		more = trim_some();
	if (now >= m_next_publication)
		publish(now);
	return more;
}

void SessionEngine::wait(core::Time now)
{
	publish(now);
	const core::Time due = next_deadline();
	// Say that we sleep, then look once more: what came in between has not rung.
	m_lanes.bell.sleeping.store(true);
	std::atomic_thread_fence(std::memory_order_seq_cst); // as in Doorbell::ring()
	if (m_lanes.in.front() == nullptr && due > now) {
		std::array<pollfd, 3> fds{
			{{.fd = m_wake, .events = POLLIN, .revents = 0},
			 {.fd = m_lanes.bell.fd, .events = POLLIN, .revents = 0},
			 {.fd = listens(now) ? m_source->descriptor() : -1, .events = POLLIN, .revents = 0}}};
		const auto left = std::min<core::Duration>(due - now, longest_wait);
		const timespec patience{.tv_sec = 0, .tv_nsec = static_cast<long>(left.count())};
		(void)ppoll(fds.data(), fds.size(), &patience, nullptr);
		for (std::size_t i = 0; i < 2; ++i)
			if ((fds[i].revents & POLLIN) != 0)
				clear_event(fds[i].fd);
	}
	m_lanes.bell.sleeping.store(false);
}

core::Time SessionEngine::next_deadline() const
{
	core::Time due = m_young->next_deadline();
	if (tells()) {
		if (m_next_poll > m_now)
			due = std::min(due, m_next_poll);
		for (const auto &sender : m_senders)
			if (sender != nullptr && sender->stream->running())
				due = std::min(due, sender->stream->next_deadline());
	} else {
		due = std::min(due, m_receiver->next_deadline());
	}
	if (m_part == Part::heir || m_part == Part::parting)
		due = std::min(due, m_patience);
	return due;
}

// ---------------------------------------------------------------- who we are

bool SessionEngine::take_situations(core::Time now)
{
	SessionSituation next;
	bool any = false;
	while (m_situations.pop(next)) {
		become(next, now);
		any = true;
	}
	return any;
}

void SessionEngine::become(const SessionSituation &next, core::Time now)
{
	const bool was_source = m_situation.source;
	const bool new_claim = next.source && next.epoch != m_situation.epoch;
	if (next.source && m_part == Part::copy) // what was told until now counts
		while (take_frames(now))
			continue;
	m_situation = next;
	if (new_claim)
		m_outbid = 0;
	if (next.source && !was_source)
		claim(now);
	else if (!next.source && was_source)
		give_away(now);
	if (new_claim && m_part == Part::source) // others may follow another generation by now
		for (auto &sender : m_senders)
			if (sender != nullptr)
				sender->stream->stop();
	follow_peers(now);
}

void SessionEngine::claim(core::Time now)
{
	if (m_part == Part::parting) // the role is back
		become_copy();
	m_claimed_by = m_situation.number;
	const bool hears_rest = m_situation.predecessor != 0 && m_situation.predecessor == m_followed &&
				m_receiver->generation().has_value();
	if (!hears_rest)
		return become_source(now);
	m_part = Part::heir;
	m_patience = now + heir_patience;
	m_heard_before = m_receiver->counters().records;
}

void SessionEngine::give_away(core::Time now)
{
	if (m_part == Part::heir) { // its table is a copy still
		m_part = Part::copy;
		return;
	}
	m_given_by = m_situation.number;
	if (m_situation.successor == 0 || stream_to_successor() == nullptr)
		return become_copy();
	m_part = Part::parting;
	m_patience = now + parting_patience;
	m_rest_fenced = false;
	for (std::size_t slot = 1; slot < m_senders.size(); ++slot)
		if (m_senders[slot] != nullptr && slot != m_situation.successor)
			m_senders[slot]->stream->stop();
}

void SessionEngine::become_source(core::Time now)
{
	m_part = Part::source;
	m_claimed_epoch = m_situation.epoch;
	m_receiver->stop();
	{
		const Urgency urgency; // what was refused has been tried for the claim
		m_commits->commit_all(false);
	}
	give_up_refused();
	m_next_renewal = core::never;
	refresh_local_addresses(now);
	m_next_start = now;
	m_source_failed = true;
	look_after_source(now);
	m_trimmed = 0;
}

// The data plane is right from now on: what it does not have, the first dump ends.
void SessionEngine::give_up_refused()
{
	if (m_commits->refused() != 0)
		log(LogApp::hasync, LogLevel::error,
		    "session pickup: {} sessions are lost with this takeover, they cannot be written here: {}",
		    m_commits->refused(), std::strerror(m_sink->counters().last_errno));
	m_commits->give_up_refused();
	m_said_refused = false;
}

void SessionEngine::look_after_source(core::Time now)
{
	if (!m_source_failed || now < m_next_start)
		return;
	std::string error;
	m_source_failed = !m_source->start(error);
	m_next_start = now + start_interval;
	if (m_source_failed)
		log(LogApp::hasync, LogLevel::error, "session pickup: {}; tried again in a second", error);
}

// The newcomer's view counts from now on: what it does not have ends here too.
void SessionEngine::become_copy()
{
	m_part = Part::copy;
	for (auto &sender : m_senders)
		if (sender != nullptr)
			sender->stream->stop();
	// What the data plane has and the table does not, nobody would ever take away; and the other way round.
	drain_source();
	m_source->stop();
	m_young->clear();
	m_sink->forget(); // the kernel went its own way meanwhile
	m_commits->commit_again();
	m_next_renewal = std::min(m_next_renewal, m_now + renewal_interval);
	m_trimmed = core::no_slot;
}

// What the data plane has said until now. A dump that runs beside that is not waited for.
void SessionEngine::drain_source()
{
	if (held())
		m_left = local_addresses();
	for (int turns = 0; turns < farewell_turns; ++turns) {
		const std::uint64_t before = m_source->counters().events;
		if (!m_source->poll(*this, records_per_turn) || m_source->counters().events == before)
			return;
	}
}

void SessionEngine::follow_peers(core::Time now)
{
	if (m_part != Part::source)
		return;
	for (core::PeerSlot slot = 1; slot < core::max_members; ++slot) {
		auto &sender = m_senders[slot];
		const core::SessionId boot = m_situation.peers[slot];
		if (boot == 0) {
			if (sender != nullptr)
				sender->stream->stop();
			continue;
		}
		if (sender == nullptr && (sender = SessionSender::make(m_store->table())) == nullptr) {
			log(LogApp::hasync, LogLevel::error, "session pickup: no memory to tell a member the sessions");
			continue;
		}
		if (!sender->stream->running() || sender->boot != boot) {
			sender->stream->stop();
			sender->stream->begin(next_generation(), now);
			sender->boot = boot;
			sender->begun_at = now;
		}
	}
}

// Rises with every claim, and with every stream of one claim. Who stays primary after a split although the other one's claim
// is newer goes on at that epoch, and outranks the one that gave way. Two claims of one epoch differ by their member.
std::uint64_t SessionEngine::next_generation()
{
	const std::uint64_t epoch = m_situation.epoch;
	const std::uint64_t outbid = std::min(255, m_outbid + (m_situation.epoch != m_claimed_epoch ? 1 : 0));
	const std::uint64_t member = core::member_hash(m_settings.self) & 0xff;
	m_generation = std::max(m_generation + 1, epoch << 32 | outbid << 24 | member << 16);
	return m_generation;
}

// Whoever follows a higher generation of the same epoch, as a third member may after a split, says nothing to ours. It is
// outbid then; whoever does not take part says nothing either, and is left alone after a while.
void SessionEngine::look_after_streams(core::Time now)
{
	for (auto &sender : m_senders) {
		if (sender == nullptr || !sender->stream->running() || sender->stream->answered() ||
		    now - sender->begun_at < silence_limit || m_outbid >= most_bids)
			continue;
		++m_outbid;
		sender->stream->stop();
		sender->stream->begin(next_generation(), now);
		sender->begun_at = now;
	}
}

// ---------------------------------------------------------------- a planned change of the role

core::SyncSender *SessionEngine::stream_to_successor()
{
	const core::PeerSlot slot = m_situation.successor;
	SessionSender *sender = slot < m_senders.size() ? m_senders[slot].get() : nullptr;
	const bool same = sender != nullptr && sender->stream->running() && sender->boot == m_situation.peers[slot];
	return same ? sender->stream.get() : nullptr;
}

void SessionEngine::follow_hand_over(core::Time now)
{
	if (m_part == Part::source && m_situation.successor != 0) {
		raise_fence();
	} else if (m_part == Part::parting) {
		tell_rest(now);
	} else if (m_part == Part::heir) {
		const bool ended = m_receiver->ended();
		if (!ended && now < m_patience && m_situation.peers[m_situation.predecessor] != 0)
			return;
		m_status.told_late.fetch_add(m_receiver->counters().records - m_heard_before);
		if (!ended) {
			m_status.rest_missed.fetch_add(1);
			log(LogApp::hasync, LogLevel::warning,
			    "session pickup: the former primary did not say that it has told its last sessions; some "
			    "that "
			    "began during the change may be missing");
		}
		become_source(now);
		follow_peers(now);
	}
}

// What we know at this moment is to be at the successor.
void SessionEngine::raise_fence()
{
	core::SyncSender *stream = stream_to_successor();
	if (stream == nullptr)
		return;
	if (m_fenced != m_situation.hand_over || stream->fence() == 0) {
		drain_source();
		m_fenced = m_situation.hand_over;
		stream->fence(++m_fence, false);
	} else if (stream->fence_passed() && m_status.fence_passed.exchange(m_fenced) != m_fenced &&
		   m_settings.control_bell != nullptr) {
		m_settings.control_bell->ring();
	}
}

// What happened here until the addresses had gone. Then the successor goes on with the table as it is.
void SessionEngine::tell_rest(core::Time now)
{
	core::SyncSender *stream = stream_to_successor();
	if (stream == nullptr || now >= m_patience)
		return end_parting(false);
	if (!m_rest_fenced && released()) {
		drain_source();
		stream->fence(++m_fence, true);
		m_rest_fenced = true;
	} else if (m_rest_fenced && stream->fence_passed()) {
		end_parting(true);
	}
}

// By the successor's acknowledgements, whatever became of the fence.
bool SessionEngine::rest_is_told()
{
	const core::SyncSender *stream = stream_to_successor();
	return m_rest_fenced && stream != nullptr && stream->at_risk() == 0;
}

void SessionEngine::end_parting(bool told)
{
	const core::SyncSender *stream = stream_to_successor();
	const std::size_t left = stream != nullptr ? stream->at_risk() : m_store->table().size();
	if (!told) {
		m_status.rest_lost.fetch_add(left);
		log(LogApp::hasync, LogLevel::warning,
		    "session pickup: the new primary has not confirmed the last {} of our sessions", left);
	}
	m_status.rest_told.store(m_situation.hand_over);
	become_copy();
	if (m_settings.control_bell != nullptr)
		m_settings.control_bell->ring();
}

bool SessionEngine::follows(core::Time now) const
{
	return m_receiver->in_step() && now - m_receiver->last_frame() < check_patience;
}

void SessionEngine::refresh_local_addresses(core::Time now)
{
	if (now < m_next_addresses)
		return;
	m_next_addresses = now + address_interval;
	m_filter.set_local_addresses(local_addresses());
}

// ---------------------------------------------------------------- frames

bool SessionEngine::take_frames(core::Time now)
{
	std::size_t taken = 0;
	for (const SessionFrame *frame = nullptr; taken < frames_per_turn && (frame = m_lanes.in.front()) != nullptr;
	     ++taken) {
		const std::span<const std::byte> bytes(frame->payload.data(), frame->length);
		m_status.frames_received.fetch_add(1, std::memory_order_relaxed);
		if (m_part == Part::parting && frame->slot == m_situation.successor)
			if (const auto head = core::decode_sync_head(bytes); head && core::is_of_sender(head->kind))
				end_parting(
					rest_is_told()); // it tells already: it has heard the last, or waits no longer
		if (tells()) {
			if (frame->slot < m_senders.size() && m_senders[frame->slot] != nullptr)
				m_senders[frame->slot]->stream->receive(bytes, now);
		} else if (frame->slot != (m_part == Part::heir ? m_situation.predecessor : m_situation.followed)) {
			m_status.refused_sender.fetch_add(1, std::memory_order_relaxed);
		} else if (m_receiver->receive(bytes, now)) {
			m_followed = frame->slot;
		}
		m_lanes.in.pop();
	}
	return taken == frames_per_turn;
}

// True: the lane was full, or is taken at the other end as we fill it.
bool SessionEngine::send_frames(core::Time now)
{
	bool any = false;
	if (!tells()) {
		SessionFrame *frame = m_followed != 0 ? m_lanes.out.reserve() : nullptr;
		if (frame != nullptr) {
			const std::size_t length = m_receiver->next_frame(
				now, m_lanes.in.capacity() - m_lanes.in.waiting(), std::span(frame->payload));
			if (length != 0) {
				frame->slot = m_followed;
				frame->link = any_link;
				frame->length = static_cast<std::uint16_t>(length);
				m_lanes.out.commit();
				m_status.frames_sent.fetch_add(1, std::memory_order_relaxed);
				any = true;
			}
		}
	} else {
		std::size_t silent = 0;
		for (std::size_t sent = 0; silent < m_senders.size() && sent < frames_per_turn;) {
			const core::PeerSlot slot = m_next_sender;
			m_next_sender = static_cast<core::PeerSlot>((m_next_sender + 1) % m_senders.size());
			SessionSender *sender = m_senders[slot].get();
			SessionFrame *frame = m_lanes.out.reserve();
			if (frame == nullptr)
				break;
			const std::size_t length = sender != nullptr && sender->stream->running()
							   ? sender->stream->next_frame(now, std::span(frame->payload))
							   : 0;
			silent = length == 0 ? silent + 1 : 0;
			if (length == 0)
				continue;
			frame->slot = slot;
			frame->link = any_link;
			frame->length = static_cast<std::uint16_t>(length);
			m_lanes.out.commit();
			m_status.frames_sent.fetch_add(1, std::memory_order_relaxed);
			++sent;
			any = true;
		}
	}
	if (any)
		m_work_bell.ring();
	return any;
}

// ---------------------------------------------------------------- what the data plane says

void SessionEngine::changed(core::SlotNumber slot)
{
	for (auto &sender : m_senders)
		if (sender != nullptr && sender->stream->running())
			sender->stream->changed(slot);
}

void SessionEngine::keep(const core::SessionRecord &record)
{
	const core::SessionTable::Put put = m_store->table().put(record);
	if (put.outcome == core::SessionTable::Outcome::full) {
		m_status.full.fetch_add(1, std::memory_order_relaxed);
		return;
	}
	m_store->table().set_tag(put.slot, m_dump_round);
	if (put.outcome != core::SessionTable::Outcome::unchanged)
		changed(put.slot);
}

void SessionEngine::forget(core::SlotNumber slot)
{
	if (m_store->table().erase(slot))
		changed(slot);
}

// The address that a session was translated to is gone, and the kernel has found it another one of this machine's.
bool SessionEngine::strayed(const core::SessionRecord &record) const
{
	const core::SlotNumber slot = m_store->table().find(record.key);
	if (slot != core::no_slot)
		return !(m_store->table().at(slot)->reply == record.reply);
	return record.source_nat() && std::ranges::find(m_left, record.reply.destination) != m_left.end();
}

void SessionEngine::seen(const core::SessionRecord &record)
{
	if (record.is_expectation())
		return seen_expectation(record);
	if (held() && strayed(record))
		return;
	if (!m_filter.takes(record)) {
		m_status.filtered.fetch_add(1, std::memory_order_relaxed);
		return;
	}
	if (m_settings.delay > core::Duration::zero() && m_store->table().find(record.key) == core::no_slot)
		m_status.full.fetch_add(m_young->seen(record, m_now) ? 0 : 1, std::memory_order_relaxed);
	else
		keep(record);
}

// The cluster's if its master is, and told when its master is.
void SessionEngine::seen_expectation(const core::SessionRecord &record)
{
	if (held() && std::ranges::find(m_left, record.expectation.nat_address) != m_left.end())
		return; // as in strayed()
	const core::SessionKey master = record.master();
	if (m_store->table().find(master) != core::no_slot)
		keep(record);
	else if (m_young->holds(master))
		m_status.full.fetch_add(m_young->seen(record, m_now) ? 0 : 1, std::memory_order_relaxed);
	else
		m_status.filtered.fetch_add(1, std::memory_order_relaxed);
}

void SessionEngine::ended(const core::SessionKey &key)
{
	if (held())
		return;
	if (m_settings.delay > core::Duration::zero() && m_young->ended(key))
		return;
	if (const core::SlotNumber slot = m_store->table().find(key); slot != core::no_slot)
		forget(slot);
}

void SessionEngine::dump_began()
{
	m_dump_round = static_cast<std::uint8_t>(m_dump_round % dump_rounds + 1);
	m_dump_began = clock_now();
	m_dumped_before = m_source->counters().dumped;
}

void SessionEngine::dump_ended()
{
	publish_value(m_status.dump_sessions, m_source->counters().dumped - m_dumped_before);
	publish_value(m_status.dump_ns, (clock_now() - m_dump_began).count());
	if (held())
		return;
	core::SessionTable &table = m_store->table();
	for (core::SlotNumber slot = 0; slot < table.high_mark(); ++slot)
		if (table.taken(slot) && table.tag(slot) != m_dump_round)
			forget(slot);
}

// After a takeover: as a standby the data plane kept sessions longer than they would have lived.
bool SessionEngine::trim_some()
{
	core::SessionTable &table = m_store->table();
	std::vector<core::SessionRecord> batch;
	batch.reserve(trimmed_per_turn);
	while (m_trimmed < table.high_mark() && batch.size() < trimmed_per_turn) {
		if (const auto record = table.at(m_trimmed))
			batch.push_back(*record);
		++m_trimmed;
	}
	if (!batch.empty())
		m_sink->trim(batch);
	if (m_trimmed < table.high_mark())
		return true;
	m_trimmed = core::no_slot;
	return false;
}

// ---------------------------------------------------------------- what others see

// Once when it begins, once when it is over.
void SessionEngine::say_refusals()
{
	const std::size_t refused = m_commits->refused();
	if ((refused != 0) == m_said_refused || (refused == 0 && m_commits->pending() != 0))
		return;
	m_said_refused = refused != 0;
	if (m_said_refused)
		log(LogApp::hasync, LogLevel::warning,
		    "session pickup: {} sessions of the primary cannot be written here: {}; they are tried again. A "
		    "table "
		    "that is full needs a larger net.netfilter.nf_conntrack_max",
		    refused, std::strerror(m_sink->counters().last_errno));
	else
		log(LogApp::hasync, LogLevel::info, "session pickup: no session of the primary is refused any more");
}

void SessionEngine::publish(core::Time now)
{
	m_next_publication = now + publication_interval;
	say_refusals();
	const core::SessionTable &table = m_store->table();
	publish_value(m_status.sessions, table.size() - table.expectations());
	publish_value(m_status.expectations, table.expectations());
	publish_value(m_status.young, m_young->size());
	publish_value(m_status.commit_pending, m_commits->pending());
	publish_value(m_status.kernel_refused, m_commits->refused());
	std::uint64_t at_risk = 0;
	std::uint64_t lost = 0;
	std::uint64_t records = 0;
	std::uint64_t bytes = 0;
	std::uint64_t repairs = 0;
	std::uint64_t refused = 0;
	core::Time oldest = core::never;
	bool in_step = true;
	bool anybody = false;
	for (std::size_t slot = 1; slot < m_senders.size(); ++slot) {
		const SessionSender *sender = m_senders[slot].get();
		PeerSyncStatus &peer = m_status.peers[slot];
		const bool running = tells() && sender != nullptr && sender->stream->running();
		publish_value(peer.running, running);
		publish_value(peer.in_step, running && sender->stream->in_step());
		publish_value(peer.at_risk, running ? sender->stream->at_risk() : 0);
		if (sender != nullptr) {
			const core::SyncSenderCounters &counters = sender->stream->counters();
			lost += counters.frames_lost;
			records += counters.records;
			bytes += counters.record_bytes;
			repairs += counters.repairs;
			refused += counters.bad + counters.stale;
		}
		if (!running)
			continue;
		// Who has said nothing for a while takes no part: its session pickup is off.
		if (!sender->stream->answered() && now - sender->begun_at >= silence_limit)
			continue;
		anybody = true;
		in_step = in_step && sender->stream->in_step();
		at_risk = std::max<std::uint64_t>(at_risk, sender->stream->at_risk());
		oldest = std::min(oldest, sender->stream->oldest_unconfirmed());
	}
	const core::SyncReceiverCounters &received = m_receiver->counters();
	publish_value(m_status.role, tells() ? SessionRole::source : SessionRole::copy);
	publish_value(m_status.in_step, tells() ? anybody && in_step && !m_source_failed : follows(now));
	if (!m_receiver->whole())
		m_filled = false;
	else if (!m_settings.hot || m_commits->pending() + m_commits->refused() <= commits_per_turn)
		m_filled = true;
	else if (m_commits->refused() > commits_per_turn)
		m_filled = false;
	publish_value(m_status.whole, m_filled);
	publish_value(m_status.at_risk, at_risk);
	publish_value(m_status.lag_ns, oldest == core::never ? 0 : std::max<std::int64_t>(0, (now - oldest).count()));
	publish_value(m_status.generation, m_receiver->generation().value_or(0));
	publish_value(m_status.frames_lost, lost);
	publish_value(m_status.records_sent, records);
	publish_value(m_status.record_bytes_sent, bytes);
	publish_value(m_status.records_received, received.records);
	publish_value(m_status.repairs, repairs + received.differing);
	publish_value(m_status.refused, refused + received.bad + received.stale);
	publish_value(m_status.source_events, m_source->counters().events);
	publish_value(m_status.source_overruns, m_source->counters().overruns);
	publish_value(m_status.source_dumps, m_source->counters().dumps);
	publish_value(m_status.expectations_left_out, m_source->counters().left_out);
	publish_value(m_status.committed, m_sink->counters().put);
	publish_value(m_status.commit_refused, m_sink->counters().refused);
	publish_value(m_status.commit_errno, m_sink->counters().last_errno);
}

} // namespace systole::control
