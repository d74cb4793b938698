// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a heartbeat costs the worker, from the newest content to a frame in the port and from there to the liveness of
// its peer: two members on net_ring ports in one thread, a beat of each to the other for every peer, suite CBC+SHA1.
//
//   a: Tx --port--> [ ring ] --port--> Rx :b       and the same back, 64 peers at a time, as a NIC would take them
//
// The two clocks run while one side sends, or receives, and stand still for the rest; a slice during which the kernel
// gave the core to somebody else is left out (getrusage tells). More peers than the product has members need a larger
// table: that is what WorkerConfig::members is for.
//
// And what a session frame of the greatest length costs it, from the lane to the port and from there to the other lane, 32
// at a time: sessions_sealed_and_sent, sessions_received_and_opened.
#include "bench/bench_eal.h"
#include "bench/median_reporter.h"
#include "control/core/heartbeat.h"
#include "control/ring.h"
#include "control/session_lanes.h"
#include "crypto/sa.h"
#include "dataplane/rx.h"
#include "dataplane/session_tx.h"
#include "dataplane/tx.h"
#include "dataplane/worker.h"

#include <benchmark/benchmark.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace systole::bench {
namespace {

using core::Time;
using dataplane::Port;

constexpr std::size_t slice_peers = 64;
constexpr core::Duration interval = std::chrono::milliseconds{10};
constexpr std::uint32_t address_of_a = 0xa9fe0001;
constexpr std::uint32_t address_of_b = 0xa9fe0002;

std::string fresh(const std::string &stem)
{
	static unsigned number = 0;
	return stem + std::to_string(number++);
}

rte_ring *make_ring()
{
	rte_ring *ring =
		rte_ring_create(fresh("bench_ring").c_str(), 2048, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (ring == nullptr)
		throw std::runtime_error("no memory for a ring");
	return ring;
}

std::unique_ptr<Port> make_port(rte_ring *in, rte_ring *out)
{
	std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
	const int id = rte_eth_from_rings(fresh("bench").c_str(), &in, 1, &out, 1, 0);
	if (id < 0 || rte_eth_dev_get_name_by_port(static_cast<std::uint16_t>(id), name.data()) != 0)
		throw std::runtime_error("no net_ring port");
	std::string error;
	std::unique_ptr<Port> port = Port::open(
		{.name = "hb0", .ethdev = name.data(), .own_mac = dataplane::made_up_mac("bench", name.data())}, error);
	if (port == nullptr)
		throw std::runtime_error(error);
	return port;
}

// What a member of a pair says: one virtual cluster, one heartbeat port, one peer heard.
control::SetBeat usual_beat()
{
	core::HeartbeatContent content;
	content.hostname = core::Hostname::from("appliance-1");
	content.vclusters.push_back({});
	content.macs.push_back({});
	content.reception.push_back({1, 0, core::LinkHealth::up});
	control::SetBeat beat{};
	beat.length = static_cast<std::uint16_t>(core::encode(content, beat.content));
	return beat;
}

// One key for each direction of each peer.
crypto::SaSpec spec_of(std::size_t slot, bool to_b, std::array<std::byte, crypto::max_sa_key_bytes> &key)
{
	for (std::size_t i = 0; i < key.size(); ++i)
		key[i] = static_cast<std::byte>(i * 7 + slot + slot / 256 * 3 + (to_b ? 1 : 0));
	return {.spi = static_cast<std::uint32_t>(0x50000000U + (slot << 2U)),
		.suite = crypto::Suite::cbc_sha1,
		.key = key};
}

template <typename Sa> Sa *must(std::unique_ptr<Sa, crypto::SaDeleter> sa)
{
	if (sa == nullptr)
		throw std::runtime_error("no locked memory for so many SAs: ulimit -l");
	return sa.release();
}

// ---------------------------------------------------------------- one member

struct Member {
	Member(std::size_t peers, rte_ring *in, rte_ring *out)
	    : port(make_port(in, out)),
	      channel(std::make_unique<control::WorkerChannel>(peers + 1)), config{.members = peers + 1,
										   .interval = interval,
										   .lost_threshold = 3}
	{
	}
	// Control's part, outside the clocks.
	void drain_events()
	{
		channel->events.consume_all([](const control::WorkerEvent &event) {
			if (const auto *inbound = std::get_if<control::ReleasedInbound>(&event))
				crypto::SaDeleter{}(inbound->sa);
			else if (const auto *outbound = std::get_if<control::ReleasedOutbound>(&event))
				crypto::SaDeleter{}(outbound->sa);
		});
	}
	[[nodiscard]] std::uint64_t drops() const
	{
		std::uint64_t sum = 0;
		for (const auto &drop : channel->counters.drops)
			sum += drop;
		return sum;
	}
	[[nodiscard]] std::uint64_t accepted() const
	{
		std::uint64_t sum = 0;
		for (const auto &peer : channel->counters.peers)
			sum += peer[0].rx;
		return sum;
	}

	std::unique_ptr<Port> port;
	std::unique_ptr<control::WorkerChannel> channel;
	dataplane::WorkerConfig config;
};

// The sending and the receiving half of a worker, each to be measured alone.
struct Halves : Member {
	Halves(std::size_t peers, rte_ring *in, rte_ring *out)
	    : Member(peers, in, out), state(std::make_unique<dataplane::WorkerState>(config, ports(), *channel)),
	      rx(*state), tx(*state)
	{
		tx.set_content(usual_beat());
	}
	~Halves()
	{
		state->inbound.remove_if([](const crypto::InboundSa &) { return true; }, crypto::SaDeleter{});
		for (dataplane::Peer &peer : state->peers)
			if (peer.links[0].outbound != nullptr)
				crypto::SaDeleter{}(peer.links[0].outbound);
	}
	[[nodiscard]] std::array<Port *, 1> ports() const { return {port.get()}; }

	void add(std::size_t slot, bool is_a, const core::MacAddress &mac)
	{
		std::array<std::byte, crypto::max_sa_key_bytes> key;
		crypto::InboundSa *in = must(crypto::make_inbound_sa(spec_of(slot, !is_a, key)));
		in->session = static_cast<std::uint32_t>(slot);
		in->slot = static_cast<core::PeerSlot>(slot);
		in->confirmed = true;
		if (state->inbound.install(in) != nullptr)
			throw std::runtime_error("two SAs in one place");
		dataplane::Peer &peer = state->peers[slot];
		peer.started = true;
		peer.addresses = is_a ? dataplane::AddressPair{address_of_a, address_of_b}
				      : dataplane::AddressPair{address_of_b, address_of_a};
		dataplane::PeerLinkState &way = peer.links[0];
		way.used = true;
		way.mac = mac;
		way.outbound = must(crypto::make_outbound_sa(spec_of(slot, is_a, key)));
		way.liveness.start();
	}
	Halves(const Halves &) = delete;
	Halves &operator=(const Halves &) = delete;
	// One beat to each of the peers in slots first .. last-1.
	void send(std::size_t first, std::size_t last, Time now)
	{
		tx.beat_to(first, last, now, core::Duration::zero());
	}
	void receive(Time now) { rx.drain(now, false); }

	std::unique_ptr<dataplane::WorkerState> state;
	dataplane::Rx rx;
	dataplane::Tx tx;
};

// A worker as the product runs it; it is told by commands and its turn does everything at once.
struct Whole : Member {
	Whole(std::size_t peers, rte_ring *in, rte_ring *out)
	    : Member(peers, in, out), worker(config, std::array<Port *const, 1>{port.get()}, *channel, clock)
	{
		command(usual_beat());
	}
	~Whole()
	{
		channel->stop = true;
		worker.run(); // a last turn, then the SAs come back
		drain_events();
	}
	void command(const control::WorkerCommand &what)
	{
		if (!channel->commands.push(what))
			throw std::runtime_error("command ring is full");
	}
	void add(std::size_t slot, bool is_a, const core::MacAddress &mac)
	{
		std::array<std::byte, crypto::max_sa_key_bytes> key;
		const auto peer = static_cast<core::PeerSlot>(slot);
		const auto session = static_cast<core::SessionId>(slot);
		command(control::InstallInbound{must(crypto::make_inbound_sa(spec_of(slot, !is_a, key))), peer, 0,
						session});
		command(control::InstallOutbound{must(crypto::make_outbound_sa(spec_of(slot, is_a, key))), peer, 0,
						 session});
		control::StartPeer start{};
		start.slot = peer;
		start.generation = session;
		start.local_address = is_a ? address_of_a : address_of_b;
		start.remote_address = is_a ? address_of_b : address_of_a;
		start.link_bitmap = 1;
		start.macs[0] = mac;
		command(start);
	}
	Whole(const Whole &) = delete;
	Whole &operator=(const Whole &) = delete;
	void turn(Time now)
	{
		++channel->watchdog; // control lives
		worker.turn(now);
	}

	dataplane::TscClock clock;
	dataplane::Worker worker;
};

// ---------------------------------------------------------------- two members

template <typename Kind> struct Pair {
	explicit Pair(std::size_t count)
	    : peers(count), a_to_b(make_ring()), b_to_a(make_ring()), a(std::make_unique<Kind>(count, b_to_a, a_to_b)),
	      b(std::make_unique<Kind>(count, a_to_b, b_to_a))
	{
		for (std::size_t slot = 1; slot <= peers; ++slot) {
			a->add(slot, true, b->port->mac());
			b->add(slot, false, a->port->mac());
			if constexpr (std::is_same_v<Kind, Whole>)
				for (Kind *member : {a.get(), b.get()}) { // the command ring is small
					member->turn(now);
					member->drain_events();
				}
		}
	}
	Pair(const Pair &) = delete;
	Pair &operator=(const Pair &) = delete;

	std::size_t peers;
	Time now{std::chrono::seconds{1000}};
	rte_ring *a_to_b;
	rte_ring *b_to_a;
	std::unique_ptr<Kind> a;
	std::unique_ptr<Kind> b;
};

// ---------------------------------------------------------------- session frames

// One peer, lanes, and SAs of the session class.
struct SessionHalf : Member {
	SessionHalf(bool is_a, crypto::Suite suite, rte_ring *in, rte_ring *out, control::SessionLanes &session_lanes)
	    : Member(1, in, out), lanes(session_lanes)
	{
		channel->lanes = &lanes;
		state = std::make_unique<dataplane::WorkerState>(config, std::array<Port *const, 1>{port.get()},
								 *channel);
		rx.emplace(*state);
		tx.emplace(*state);
		std::array<std::byte, crypto::max_sa_key_bytes> key;
		const auto spec = [&](bool to_b) {
			crypto::SaSpec made = spec_of(1, to_b, key);
			made.spi |= 1;
			made.suite = suite;
			made.key = std::span(key).first(crypto::shape_of(suite).key_bytes);
			return made;
		};
		crypto::InboundSa *inbound = must(crypto::make_inbound_sa(spec(!is_a)));
		inbound->session = 1;
		inbound->slot = 1;
		inbound->traffic_class = crypto::TrafficClass::session;
		inbound->confirmed = true;
		if (state->inbound.install(inbound) != nullptr)
			throw std::runtime_error("two SAs in one place");
		dataplane::Peer &peer = state->peers[1];
		peer.started = true;
		peer.addresses = is_a ? dataplane::AddressPair{address_of_a, address_of_b}
				      : dataplane::AddressPair{address_of_b, address_of_a};
		peer.links[0].used = true;
		peer.session_ways[0].outbound = must(crypto::make_outbound_sa(spec(is_a)));
		port->look_at_gate();
	}
	~SessionHalf()
	{
		state->inbound.remove_if([](const crypto::InboundSa &) { return true; }, crypto::SaDeleter{});
		crypto::SaDeleter{}(state->peers[1].session_ways[0].outbound);
	}
	SessionHalf(const SessionHalf &) = delete;
	SessionHalf &operator=(const SessionHalf &) = delete;

	control::SessionLanes &lanes;
	std::unique_ptr<dataplane::WorkerState> state;
	std::optional<dataplane::Rx> rx;
	std::optional<dataplane::SessionTx> tx;
};

struct SessionPair {
	explicit SessionPair(crypto::Suite suite)
	    : a_to_b(make_ring()), b_to_a(make_ring()), a(true, suite, b_to_a, a_to_b, lanes_of_a),
	      b(false, suite, a_to_b, b_to_a, lanes_of_b)
	{
		a.state->peers[1].links[0].mac = b.port->mac();
	}

	rte_ring *a_to_b;
	rte_ring *b_to_a;
	control::SessionLanes lanes_of_a;
	control::SessionLanes lanes_of_b;
	SessionHalf a;
	SessionHalf b;
	Time now{std::chrono::seconds{1000}};
};

// A pair is set up once and kept until main() ends: 16,384 peers are 65,536 SAs.
template <typename Kind> std::map<std::size_t, std::unique_ptr<Pair<Kind>>> pairs;

template <typename Kind> Pair<Kind> &pair_of(std::size_t peers)
{
	std::unique_ptr<Pair<Kind>> &pair = pairs<Kind>[peers];
	if (pair == nullptr)
		pair = std::make_unique<Pair<Kind>>(peers);
	return *pair;
}

std::map<crypto::Suite, std::unique_ptr<SessionPair>> session_pairs;

// Ports and workers end while EAL and every other static object still live.
void end_pairs()
{
	session_pairs.clear();
	pairs<Halves>.clear();
	pairs<Whole>.clear();
}

// The time of slices of work, without those that were interrupted.
class SliceClock {
public:
	template <typename Work> void measure(Work work)
	{
		const long before = switches();
		const auto start = std::chrono::steady_clock::now();
		work();
		const auto end = std::chrono::steady_clock::now();
		++m_slices;
		if (switches() != before)
			return;
		++m_counted;
		m_spent += end - start;
	}
	// What the slices since the last call would have taken undisturbed, as far as is known by now.
	[[nodiscard]] double take_seconds()
	{
		if (m_counted == 0)
			return 0;
		const double all = std::chrono::duration<double>(m_spent).count() / m_counted * m_slices;
		return all - std::exchange(m_taken, all);
	}

private:
	static long switches()
	{
		rusage usage{};
		getrusage(RUSAGE_THREAD, &usage);
		return usage.ru_nivcsw;
	}
	double m_slices = 0;
	double m_counted = 0;
	double m_taken = 0;
	std::chrono::steady_clock::duration m_spent{};
};

void report(benchmark::State &state, std::size_t beats_per_iteration)
{
	state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * beats_per_iteration));
	state.counters["per_run"] = static_cast<double>(beats_per_iteration);
}

// One round each way; `clock_tx` and `clock_rx` see the beats of both members.
void round_both_ways(Pair<Halves> &pair, SliceClock &clock_tx, SliceClock &clock_rx)
{
	pair.now += interval;
	for (auto [from, to] : {std::pair{pair.a.get(), pair.b.get()}, std::pair{pair.b.get(), pair.a.get()}})
		for (std::size_t first = 1; first <= pair.peers; first += slice_peers) {
			const std::size_t last = std::min(first + slice_peers, pair.peers + 1);
			clock_tx.measure([&] { from->send(first, last, pair.now); });
			clock_rx.measure([&] { to->receive(pair.now); });
			to->drain_events();
		}
}

enum class Half : std::uint8_t { sealed_and_sent, received_and_opened };

// Every beat of the run must have been accepted by the other side.
template <typename Kind> class BeatCount {
public:
	explicit BeatCount(const Pair<Kind> &pair) : m_pair(pair), m_before(accepted()) {}
	void finish(benchmark::State &state) const
	{
		const std::uint64_t sent = state.iterations() * 2 * m_pair.peers;
		if (accepted() - m_before != sent || m_pair.a->drops() + m_pair.b->drops() != 0)
			return state.SkipWithError("beats were lost");
		report(state, 2 * m_pair.peers);
	}

private:
	[[nodiscard]] std::uint64_t accepted() const { return m_pair.a->accepted() + m_pair.b->accepted(); }
	const Pair<Kind> &m_pair;
	std::uint64_t m_before;
};

void one_half(benchmark::State &state, Half half)
{
	Pair<Halves> &pair = pair_of<Halves>(static_cast<std::size_t>(state.range(0)));
	SliceClock tx, rx;
	for (int i = 0; i < 4; ++i) // everybody is alive and every cache as warm as it gets
		round_both_ways(pair, tx, rx);
	SliceClock &clock = half == Half::sealed_and_sent ? tx : rx;
	(void)clock.take_seconds();
	const BeatCount count(pair);
	for (auto _ : state) {
		round_both_ways(pair, tx, rx);
		state.SetIterationTime(clock.take_seconds());
	}
	count.finish(state);
}

void turn(benchmark::State &state)
{
	Pair<Whole> &pair = pair_of<Whole>(static_cast<std::size_t>(state.range(0)));
	SliceClock clock;
	const auto round = [&] {
		pair.now += interval;
		for (Whole *member : {pair.a.get(), pair.b.get()}) {
			clock.measure([&] { member->turn(pair.now); });
			member->drain_events();
		}
	};
	for (int i = 0; i < 8; ++i)
		round();
	(void)clock.take_seconds();
	const BeatCount count(pair);
	for (auto _ : state) {
		round();
		state.SetIterationTime(clock.take_seconds());
	}
	count.finish(state);
}

void sealed_and_sent(benchmark::State &state)
{
	one_half(state, Half::sealed_and_sent);
}
void received_and_opened(benchmark::State &state)
{
	one_half(state, Half::received_and_opened);
}

// Bursts of the longest frames from a to b; the session threads' parts, filling and emptying the lanes, are not timed.
void session_half(benchmark::State &state, Half half)
{
	const auto suite = static_cast<crypto::Suite>(state.range(0));
	std::unique_ptr<SessionPair> &pair = session_pairs[suite];
	if (pair == nullptr)
		pair = std::make_unique<SessionPair>(suite);
	constexpr std::size_t bursts = 16;
	SliceClock tx, rx;
	SliceClock &clock = half == Half::sealed_and_sent ? tx : rx;
	std::uint64_t arrived = 0;
	const auto round = [&] {
		pair->now += std::chrono::microseconds{50};
		for (std::size_t burst = 0; burst < bursts; ++burst) {
			control::FrameLane &out = pair->lanes_of_a.out;
			for (std::size_t i = 0; i < dataplane::SessionTx::burst_frames; ++i) {
				control::SessionFrame *frame = out.reserve();
				frame->slot = 1;
				frame->link = 0;
				frame->length = control::max_session_payload;
				frame->payload.fill(static_cast<std::byte>(i));
				out.commit();
			}
			tx.measure([&] { (void)pair->a.tx->send(pair->now); });
			rx.measure([&] { pair->b.rx->drain(pair->now, false); });
			for (control::FrameLane &in = pair->lanes_of_b.in; in.front() != nullptr; in.pop())
				++arrived;
		}
		pair->a.drain_events();
		pair->b.drain_events();
	};
	for (int i = 0; i < 4; ++i)
		round();
	(void)clock.take_seconds();
	arrived = 0;
	for (auto _ : state) {
		round();
		state.SetIterationTime(clock.take_seconds());
	}
	constexpr std::size_t frames = bursts * dataplane::SessionTx::burst_frames;
	if (arrived != state.iterations() * frames)
		return state.SkipWithError("session frames were lost");
	report(state, frames);
	state.SetBytesProcessed(static_cast<std::int64_t>(arrived * control::max_session_payload));
}
void sessions_sealed_and_sent(benchmark::State &state)
{
	session_half(state, Half::sealed_and_sent);
}
void sessions_received_and_opened(benchmark::State &state)
{
	session_half(state, Half::received_and_opened);
}

constexpr std::array session_suites{crypto::Suite::cbc_sha1, crypto::Suite::gcm};
BENCHMARK(sessions_sealed_and_sent)
	->UseManualTime()
	->Arg(static_cast<int>(session_suites[0]))
	->Arg(static_cast<int>(session_suites[1]));
BENCHMARK(sessions_received_and_opened)
	->UseManualTime()
	->Arg(static_cast<int>(session_suites[0]))
	->Arg(static_cast<int>(session_suites[1]));

constexpr std::array<std::int64_t, 6> peer_counts{2, 16, 128, 1024, 4096, 16384};
BENCHMARK(sealed_and_sent)->UseManualTime()->ArgsProduct({{peer_counts.begin(), peer_counts.end()}});
BENCHMARK(received_and_opened)->UseManualTime()->ArgsProduct({{peer_counts.begin(), peer_counts.end()}});
BENCHMARK(turn)->UseManualTime()->Arg(2)->Arg(15)->Arg(128);

// The two halves side by side, and what the size of the table does to them.
class PeersReporter : public MedianReporter {
public:
	void Finalize() override
	{
		std::printf("\nper heartbeat, inner packet of %zu bytes, aes128-cbc-sha1: median of the repetitions, "
			    "in brackets "
			    "the least\n",
			    dataplane::ipv4_bytes + dataplane::udp_bytes + core::beat_stamp_bytes +
				    usual_beat().length);
		std::printf("%8s | %-41s | %-41s\n", "peers", "sealed and sent", "received and opened");
		std::printf("%8s | %15s %10s %14s | %15s %10s %14s\n", "", "ns", "M/s", "of 16's", "ns", "M/s",
			    "of 16's");
		for (const std::int64_t peers : peer_counts) {
			std::printf("%8lld |", static_cast<long long>(peers));
			print("sealed_and_sent/", peers);
			std::printf(" |");
			print("received_and_opened/", peers);
			std::printf("\n");
		}
		std::printf("\nper session frame of %zu bytes\n", control::max_session_payload);
		std::printf("%16s | %-41s | %-41s\n", "suite", "sealed and sent", "received and opened");
		for (const crypto::Suite suite : session_suites) {
			std::printf("%16s |", std::string(crypto::name_of(suite)).c_str());
			print_rate("sessions_sealed_and_sent/", suite);
			std::printf(" |");
			print_rate("sessions_received_and_opened/", suite);
			std::printf("\n");
		}
	}

private:
	void print(const std::string &half, std::int64_t peers) const
	{
		const double median = ns(m_medians, half, peers);
		const double least = ns(m_least, half, peers);
		std::printf(" %6.1f (%6.1f) %10.2f %6.2f (%5.2f)", median, least, 1e3 / median,
			    median / ns(m_medians, half, 16), least / ns(m_least, half, 16));
	}
	void print_rate(const std::string &half, crypto::Suite suite) const
	{
		const double median = ns(m_medians, half, static_cast<int>(suite));
		const double least = ns(m_least, half, static_cast<int>(suite));
		std::printf(" %6.1f (%6.1f) ns %8.2f M/s %8.2f Gbit/s", median, least, 1e3 / median,
			    8 * static_cast<double>(control::max_session_payload) / median);
	}
	// nan if it was not measured
	static double ns(const Figures &figures, const std::string &half, std::int64_t peers)
	{
		const auto found = figures.find(half + std::to_string(peers));
		return found == figures.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
	}
};

} // namespace
} // namespace systole::bench

int main(int argc, char **argv)
{
	namespace bench = systole::bench;
	if (!bench::initialise_repeated(argc, argv))
		return 1;
	bench::start_eal(argv[0], 256, {});
	try {
		bench::PeersReporter reporter;
		benchmark::RunSpecifiedBenchmarks(&reporter);
		bench::end_pairs();
	} catch (const std::exception &error) {
		std::fprintf(stderr, "worker_bench: %s\n", error.what());
		return 1;
	}
}
