// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-flooder: sends frames of one kind (forge.h) into a heartbeat link, at a rate or as fast as it can, and says at
// the end, as one line of JSON, how many they were. It listens before and meanwhile: what it knows of the cluster it has
// heard on the wire. A tool of scripts/lab flood; it has no business on a link that is not your own.
#include "bench/flooder/forge.h"
#include "bench/flooder/pace.h"
#include "bench/flooder/raw_link.h"
#include "bench/flooder/sightings.h"
#include "bench/prober/clock.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/program_options.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace systole::flooder {
namespace {

namespace po = boost::program_options;
using prober::mono_ns;
using prober::ns_per_ms;

constexpr std::int64_t ns_per_s = 1000 * ns_per_ms;
constexpr std::int64_t idle_ns = ns_per_ms / 5; // between two looks when there is nothing to send yet
constexpr int nothing_heard = 3;                // exit code

volatile std::sig_atomic_t told_to_end = 0;

struct Options {
	std::string interface;
	Kind kind = Kind::random;
	Target target;
	std::uint64_t rate = 0;
	double seconds = 0, learn_seconds = 0;
	std::uint64_t seed = 0;
};

[[noreturn]] void refuse(const std::string &what)
{
	std::cerr << "systole-flooder: " << what << "; --help says more\n";
	std::exit(2);
}

core::MacAddress parse_mac(const std::string &text)
{
	core::MacAddress mac{};
	int used = 0;
	const int found = std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
				      &mac[3], &mac[4], &mac[5], &used);
	if (found != 6 || static_cast<std::size_t>(used) != text.size())
		refuse("--to '" + text + "' is no address like 02:53:59:53:01:00");
	return mac;
}

std::string all_kinds()
{
	std::string list;
	for (const auto name : kind_names)
		list += (list.empty() ? "" : ", ") + std::string(name);
	return list;
}

Options parse(int argc, const char *const *argv)
{
	po::options_description all("systole-flooder --interface NAME --kind KIND --seconds N [OPTION]...");
	auto add = all.add_options();
	add("interface", po::value<std::string>()->required(), "the port on the heartbeat link");
	add("kind", po::value<std::string>()->required(), all_kinds().c_str());
	add("seconds", po::value<double>()->required(), "how long to send");
	add("rate", po::value<std::uint64_t>()->default_value(0), "frames a second; 0: as fast as it goes");
	add("to", po::value<std::string>(), "only this member: the address of its port (default: all)");
	add("learn-seconds", po::value<double>()->default_value(5), "how long to wait for what must be heard first");
	add("seed", po::value<std::uint64_t>(), "makes the same bytes again (default: another one each time)");
	add("help", "say this");
	po::variables_map given;
	try {
		po::store(po::command_line_parser(argc, argv).options(all).positional({}).run(), given);
		if (given.count("help") != 0) {
			std::cout << all;
			std::exit(0);
		}
		po::notify(given);
	} catch (const po::error &error) {
		refuse(error.what());
	}
	Options options;
	options.interface = given["interface"].as<std::string>();
	const auto kind = kind_of(given["kind"].as<std::string>());
	if (!kind)
		refuse("--kind '" + given["kind"].as<std::string>() + "' is none of " + all_kinds());
	options.kind = *kind;
	options.seconds = given["seconds"].as<double>();
	options.learn_seconds = given["learn-seconds"].as<double>();
	options.rate = given["rate"].as<std::uint64_t>();
	if (!(options.seconds > 0) || options.learn_seconds < 0 || options.rate > 100'000'000)
		refuse("--seconds more than 0, --learn-seconds 0 or more, --rate up to 100000000");
	if (given.count("to") != 0)
		options.target.victim = parse_mac(given["to"].as<std::string>());
	options.seed = given.count("seed") != 0 ? given["seed"].as<std::uint64_t>() : std::random_device{}();
	return options;
}

void sleep_until(std::int64_t moment_ns)
{
	const timespec moment{.tv_sec = moment_ns / ns_per_s, .tv_nsec = moment_ns % ns_per_s};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
}

class Flood {
public:
	explicit Flood(const Options &options)
	    : m_options(options), m_link(options.interface, options.target.ether_type), m_heard(m_link.mac()),
	      m_forge(options.kind, with_own(options.target, m_link.mac()), m_heard, options.seed),
	      m_frames(RawLink::most_frames())
	{
	}

	// False when what the kind needs was not heard in time.
	[[nodiscard]] bool learn()
	{
		const std::int64_t until = mono_ns() + static_cast<std::int64_t>(m_options.learn_seconds * ns_per_s);
		for (listen(); !m_forge.knows_all(); listen()) {
			const std::int64_t now = mono_ns();
			if (now > until || told_to_end != 0)
				break;
			sleep_until(now + ns_per_ms);
		}
		return m_forge.missing().empty();
	}
	[[nodiscard]] std::string missing() const { return m_forge.missing(); }

	void run()
	{
		m_learnt = m_heard.counts();
		m_began_ns = mono_ns();
		const std::int64_t end = m_began_ns + static_cast<std::int64_t>(m_options.seconds * ns_per_s);
		Pace pace(m_options.rate, m_began_ns);
		std::int64_t now = m_began_ns;
		for (; now < end && told_to_end == 0; now = mono_ns()) {
			listen();
			const std::size_t due = pace.due(now, m_frames.size());
			if (due == 0)
				sleep_until(pace.next(now));
			else if (const std::size_t sent = send(due); sent != 0)
				pace.sent(sent);
			else
				sleep_until(now + idle_ns);
		}
		m_ended_ns = now;
		listen();
	}

	[[nodiscard]] boost::json::object report() const
	{
		const double seconds = static_cast<double>(m_ended_ns - m_began_ns) / ns_per_s;
		const auto &all = m_heard.counts();
		return {{"kind", kind_names[static_cast<std::size_t>(m_options.kind)]},
			{"seed", m_options.seed},
			{"rate_asked", m_options.rate},
			{"began_ns", m_began_ns},
			{"ended_ns", m_ended_ns},
			{"seconds", seconds},
			{"sent", m_sent},
			{"sent_bytes", m_sent_bytes},
			{"refused", m_refused},
			{"pps", seconds > 0 ? static_cast<double>(m_sent) / seconds : 0.0},
			{"heard",
			 {{"beats", all.beats - m_learnt.beats},
			  {"hello", all.hello - m_learnt.hello},
			  {"ke1", all.ke1 - m_learnt.ke1},
			  {"ke2", all.ke2 - m_learnt.ke2},
			  {"ke3", all.ke3 - m_learnt.ke3},
			  {"to_us", all.to_us - m_learnt.to_us}}}};
	}

private:
	static Target with_own(Target target, const core::MacAddress &own)
	{
		target.own = own;
		return target;
	}

	void listen()
	{
		for (auto frame = m_link.receive(); !frame.empty(); frame = m_link.receive())
			m_heard.look_at(frame);
	}

	std::size_t send(std::size_t wanted)
	{
		std::size_t count = 0;
		while (count < wanted && m_forge.make(m_frames[count]))
			++count;
		const std::size_t sent = count == 0 ? 0 : m_link.send({m_frames.data(), count});
		for (std::size_t i = 0; i < sent; ++i)
			m_sent_bytes += m_frames[i].length;
		m_sent += sent;
		m_refused += count - sent;
		return sent;
	}

	const Options &m_options;
	RawLink m_link;
	Sightings m_heard;
	Forge m_forge;
	std::vector<Frame> m_frames;
	Sightings::Counts m_learnt;
	std::int64_t m_began_ns = 0, m_ended_ns = 0;
	std::uint64_t m_sent = 0, m_sent_bytes = 0, m_refused = 0;
};

} // namespace
} // namespace systole::flooder

int main(int argc, char **argv)
{
	using namespace systole::flooder;
	const auto options = parse(argc, argv);
	for (const int number : {SIGINT, SIGTERM, SIGHUP})
		std::signal(number, [](int) { told_to_end = 1; });
	try {
		Flood flood(options);
		if (!flood.learn()) {
			std::cerr << "systole-flooder: " << options.interface << ": " << flood.missing()
				  << " of a member was not heard for " << options.learn_seconds
				  << " s; is a member running on this link?\n";
			return nothing_heard;
		}
		flood.run();
		std::cout << boost::json::serialize(flood.report()) << std::endl;
	} catch (const std::exception &error) {
		std::cerr << "systole-flooder: " << error.what() << "\n";
		return 1;
	}
	return 0;
}
