// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What our source and sink add to what the kernel's connection tracking takes by itself, in a network namespace of its
// own with 100,000 entries (or --entries=N). Raw: messages made beforehand, written and read by bare system calls, and
// nothing looked at but errors and the end. Ours: sessions told to a listener that counts, sessions put from records.
// The runs take turns, so that whatever else the machine does hits all alike; each figure is the median of its runs.
//
//   dump     raw, and ours: dump -> SessionRecord -> listener
//   fill     ours: dump -> SessionRecord -> filter -> an empty table, as a new primary does it
//   create   raw in batches of 1, 8, 16, 64, 256 messages, and ours in the same
//   commit   ours: table -> kernel, as a takeover does it
//   update   raw and ours, of entries that are there: known to the sink, and not (it looks first)
//   remove   raw and ours
#include "control/sessions/commit_queue.h"
#include "control/sessions/conntrack_message.h"
#include "control/sessions/conntrack_requests.h"
#include "control/sessions/conntrack_sink.h"
#include "control/sessions/conntrack_source.h"
#include "control/sessions/session_filter.h"
#include "control/sessions/session_store.h"

#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace systole;
using namespace systole::control;
using core::SessionRecord;

[[noreturn]] void fail(const std::string &what)
{
	std::fprintf(stderr, "conntrack_bench: %s\n", what.c_str());
	std::exit(1);
}

// TCP through source NAT, the usual session of a gateway.
std::vector<SessionRecord> sessions(std::size_t count)
{
	std::vector<SessionRecord> records(count);
	const auto set = [](core::IpBytes &address, std::uint32_t value) {
		const std::uint32_t order = htonl(value);
		std::memcpy(address.data(), &order, sizeof(order));
	};
	for (std::uint32_t i = 0; i < count; ++i) {
		SessionRecord &record = records[i];
		set(record.key.original.source, 0x0a000001 + i / 50);
		set(record.key.original.destination, 0xc6336407);
		record.key.original.source_port = static_cast<std::uint16_t>(20000 + i % 50);
		record.key.original.destination_port = 443;
		record.reply.source = record.key.original.destination;
		set(record.reply.destination, 0xcb007101 + i / 50000);
		record.reply.source_port = 443;
		record.reply.destination_port = static_cast<std::uint16_t>(10000 + i % 50000);
		record.seen_reply = record.assured = true;
		record.tcp_state = core::TcpState::established;
		record.tcp_flags = {3, 3};
		record.tcp_window_scale = {7, 7};
		record.timeout_s = 432000;
	}
	return records;
}

struct Cost {
	double wall = 0;
	double cpu = 0; // s
};

double cpu_now()
{
	rusage usage{};
	getrusage(RUSAGE_SELF, &usage);
	return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

template <typename Work> Cost measure(Work &&work)
{
	const double cpu = cpu_now();
	const auto begin = std::chrono::steady_clock::now();
	work();
	const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
	return {wall.count(), cpu_now() - cpu};
}

// Bare system calls.
class Raw {
public:
	Raw()
	{
		std::string error;
		m_socket = open_conntrack_socket(4 << 20, error);
		if (m_socket == nullptr)
			fail(error);
	}
	using Write = std::function<std::size_t(char *, const SessionRecord &)>;
	void prepare(const std::vector<SessionRecord> &records, const Write &write)
	{
		m_bytes.clear();
		m_ends.clear();
		for (const SessionRecord &record : records) {
			const std::size_t at = m_bytes.size();
			m_bytes.resize(at + max_conntrack_message);
			m_bytes.resize(at + write(m_bytes.data() + at, record));
			m_ends.push_back(m_bytes.size());
		}
	}
	void send(std::size_t batch)
	{
		std::size_t from = 0;
		for (std::size_t i = 0; i < m_ends.size(); i += batch) {
			const std::size_t to = m_ends[std::min(i + batch, m_ends.size()) - 1];
			if (mnl_socket_sendto(m_socket.get(), m_bytes.data() + from, to - from) < 0)
				fail(std::string("raw: ") + strerror(errno));
			from = to;
		}
		char error;
		if (recv(fd(), &error, 1, MSG_DONTWAIT) >= 0)
			fail("raw: the kernel refused an entry");
	}
	std::size_t dump()
	{
		std::vector<char> buffer(max_conntrack_message);
		const std::size_t length = write_dump(buffer.data());
		if (mnl_socket_sendto(m_socket.get(), buffer.data(), length) < 0)
			fail(std::string("raw dump: ") + strerror(errno));
		buffer.resize(262144);
		std::size_t count = 0;
		while (true) {
			auto left = static_cast<int>(recv(fd(), buffer.data(), buffer.size(), 0));
			if (left < 0)
				fail(std::string("raw dump: ") + strerror(errno));
			for (const auto *header = reinterpret_cast<const nlmsghdr *>(buffer.data());
			     mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
				if (header->nlmsg_type == NLMSG_DONE)
					return count;
				++count;
			}
		}
	}

private:
	[[nodiscard]] int fd() const { return mnl_socket_get_fd(m_socket.get()); }
	ConntrackSocket m_socket;
	std::vector<char> m_bytes;
	std::vector<std::size_t> m_ends;
};

class Counting : public SessionListener {
public:
	void seen(const SessionRecord &record) override { count += record.key.family == 4 ? 1U : 0U; }
	void ended(const core::SessionKey &) override {}
	void dump_began() override {}
	void dump_ended() override {}
	std::size_t count = 0;
};

// What a new primary does with what it is told.
class Filling : public SessionListener {
public:
	explicit Filling(core::SessionTable &table) : m_table(table) {}
	void seen(const SessionRecord &record) override
	{
		if (m_filter.takes(record))
			(void)m_table.put(record);
	}
	void ended(const core::SessionKey &) override {}
	void dump_began() override {}
	void dump_ended() override {}

private:
	core::SessionTable &m_table;
	SessionFilter m_filter{SessionFilterRules{}};
};

void drain(SessionListener &listener)
{
	ConntrackSource source;
	std::string error;
	if (!source.start(error))
		fail(error);
	while (source.poll(listener, 2048))
		;
}

std::unique_ptr<SessionStore> store_for(std::size_t count)
{
	std::string error;
	auto store = SessionStore::make(count, error);
	if (store == nullptr)
		fail(error);
	store->populate();
	return store;
}

void empty_table()
{
	Counting all;
	ConntrackSource source;
	ConntrackSink sink;
	std::string error;
	std::vector<core::SessionKey> keys;
	class Keep : public Counting {
	public:
		explicit Keep(std::vector<core::SessionKey> &kept) : m_kept(kept) {}
		void seen(const SessionRecord &record) override { m_kept.push_back(record.key); }

	private:
		std::vector<core::SessionKey> &m_kept;
	} keep(keys);
	if (!source.start(error) || !sink.start(error))
		fail(error);
	while (source.poll(keep, 4096))
		;
	source.stop();
	sink.remove(keys);
}

std::map<std::string, std::vector<Cost>> costs;

double median(const std::string &name, double Cost::*figure)
{
	std::vector<double> values;
	for (const Cost &cost : costs[name])
		values.push_back(cost.*figure);
	std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
	return values[values.size() / 2];
}

void print(const std::string &name, const std::string &raw, std::size_t count)
{
	const double wall = median(name, &Cost::wall);
	std::printf("%-22s %10.0f /s %8.2f us CPU", name.c_str(), static_cast<double>(count) / wall,
		    1e6 * median(name, &Cost::cpu) / static_cast<double>(count));
	if (!raw.empty())
		std::printf("   %5.2f of the rate, %5.2f x the CPU of %s", median(raw, &Cost::wall) / wall,
			    median(name, &Cost::cpu) / median(raw, &Cost::cpu), raw.c_str());
	std::printf("\n");
}

} // namespace

int main(int argc, char **argv)
{
	std::size_t count = 100'000;
	int rounds = 5;
	for (int i = 1; i < argc; ++i) {
		const std::string_view argument(argv[i]);
		if (argument.starts_with("--entries="))
			count = std::strtoul(argument.substr(10).data(), nullptr, 10);
		else if (argument.starts_with("--rounds="))
			rounds = std::atoi(argument.substr(9).data());
		else
			fail("usage: conntrack_bench [--entries=N] [--rounds=N]");
	}
	std::size_t most = 0;
	std::ifstream("/proc/sys/net/netfilter/nf_conntrack_max") >> most;
	if (most != 0 && most < count + 1000)
		fail("net.netfilter.nf_conntrack_max is " + std::to_string(most) + ": raise it above the entries");
	if (unshare(CLONE_NEWNET) != 0) {
		std::puts("SKIPPED: conntrack_bench needs root (it makes a network namespace)");
		return 77;
	}
	const std::vector<SessionRecord> records = sessions(count);
	std::vector<core::SessionKey> keys;
	for (const SessionRecord &record : records)
		keys.push_back(record.key);
	const std::vector<std::size_t> batches{1, 8, 16, 64, 256};
	const std::vector<std::size_t> our_batches{1, 8, 16, 64};
	Raw raw;
	const auto our_sink = [](std::size_t batch) {
		auto sink = std::make_unique<ConntrackSink>(ConntrackSinkSettings{.batch = batch});
		std::string error;
		if (!sink->start(error))
			fail(error);
		return sink;
	};
	const auto put = [&](ConntrackSink &sink) {
		if (sink.put(records) != 0)
			fail(std::string("ours: the kernel refused an entry: ") + strerror(sink.counters().last_errno));
	};
	for (int round = 0; round < rounds; ++round) {
		for (const std::size_t batch : batches) {
			raw.prepare(records, [](char *buffer, const SessionRecord &record) {
				return write_create(buffer, record, record.timeout_s, WithHelper::yes);
			});
			costs["create raw " + std::to_string(batch)].push_back(measure([&] { raw.send(batch); }));
			empty_table();
			if (std::ranges::find(our_batches, batch) == our_batches.end())
				continue;
			const auto sink = our_sink(batch);
			costs["create ours " + std::to_string(batch)].push_back(measure([&] { put(*sink); }));
			if (batch != 64) {
				empty_table();
				continue;
			}
			costs["update ours known"].push_back(measure([&] { put(*sink); }));
			const auto stranger = our_sink(batch);
			costs["update ours unknown"].push_back(measure([&] { put(*stranger); }));
			costs["trim ours"].push_back(measure([&] { sink->trim(records); }));
			raw.prepare(records, [](char *buffer, const SessionRecord &record) {
				return write_update(buffer, record, record.timeout_s, WithHelper::yes);
			});
			costs["update raw"].push_back(measure([&] { raw.send(batch); }));
			for (int again = 0; again < 2; ++again) {
				costs["dump raw"].push_back(measure([&] {
					if (raw.dump() != count)
						fail("raw dump: not all entries");
				}));
				costs["dump ours"].push_back(measure([&] {
					Counting counting;
					drain(counting);
					if (counting.count != count)
						fail("our dump: not all entries");
				}));
				const auto store = store_for(count);
				Filling filling(store->table());
				costs["fill ours"].push_back(measure([&] { drain(filling); }));
				if (store->table().size() != count)
					fail("our table: not all entries");
			}
			costs["remove ours"].push_back(measure([&] { sink->remove(keys); }));
			const auto store = store_for(count);
			const auto fresh = our_sink(batch);
			CommitQueue commits(store->table(), *fresh, store->set_words(), false);
			for (const SessionRecord &record : records)
				commits.stored(store->table().put(record).slot);
			costs["commit ours"].push_back(measure([&] { commits.commit_all(true); }));
			if (commits.refused() != 0)
				fail("commit: the kernel refused an entry");
			fresh->remove(keys);
			raw.prepare(records, [](char *buffer, const SessionRecord &record) {
				return write_create(buffer, record, record.timeout_s, WithHelper::yes);
			});
			raw.send(batch);
			raw.prepare(records, [](char *buffer, const SessionRecord &record) {
				return write_remove(buffer, record.key);
			});
			costs["remove raw"].push_back(measure([&] { raw.send(batch); }));
		}
	}
	std::printf("%zu entries, %d rounds; sessions a second and CPU a session, medians\n", count, rounds);
	print("dump raw", "", count);
	print("dump ours", "dump raw", count);
	print("fill ours", "dump raw", count);
	for (const std::size_t batch : batches)
		print("create raw " + std::to_string(batch), "", count);
	for (const std::size_t batch : our_batches)
		print("create ours " + std::to_string(batch), "create raw " + std::to_string(batch), count);
	print("commit ours", "create raw 64", count);
	print("update raw", "", count);
	print("update ours known", "update raw", count);
	print("update ours unknown", "update raw", count);
	print("remove raw", "", count);
	print("remove ours", "remove raw", count);
	print("trim ours", "", count);
	return 0;
}
