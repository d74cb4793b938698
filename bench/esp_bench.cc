// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The ESP engine, packet by packet and in bursts, beside the floor (raw IPsec-MB), OpenSSL and librte_ipsec: the same
// key, the same bytes, the same memory layout, one run. Before any clock starts, every side must seal what ours seals
// or open what ours has sealed; a side that does something else has no place in the table.
// Names: seal/SUITE/INNER-BYTES/BURST/SIDE. The table of ratios comes last.
#include "bench/esp_bytes.h"
#include "bench/ipsec_mb_raw.h"
#include "bench/openssl_esp.h"
#include "bench/ratio_reporter.h"
#include "bench/rte_ipsec_esp.h"
#include "crypto/esp.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace systole::bench {
namespace {

using crypto::Suite;

// What all sides have: seal packets 0..count-1 in place, take fresh copies of sealed packets, open some of them.
class OurSide {
public:
	OurSide(const SaKey &key, std::size_t inner)
	    : m_layout(key.suite, inner), m_spec{.spi = spi, .suite = key.suite, .key = key.all()},
	      m_out(crypto::make_outbound_sa(m_spec)), m_buffers(max_packets), m_seals(max_packets),
	      m_opens(max_packets)
	{
		for (std::size_t i = 0; i < max_packets; ++i)
			fill_inner({inner_of(i), inner}, i);
	}

	void seal(std::size_t count)
	{
		for (std::size_t i = 0; i < count; ++i)
			m_seals[i] = {.sa = m_out.get(),
				      .inner = inner_of(i),
				      .inner_length = m_layout.inner,
				      .headroom = buffer_room,
				      .tailroom = sizeof(Buffer) - buffer_room - m_layout.inner};
		m_engine.seal({m_seals.data(), count});
	}
	[[nodiscard]] std::span<const std::byte> sealed(std::size_t index) const
	{
		return {m_seals[index].esp, m_seals[index].esp_length};
	}
	void refill(const SealedPackets &sealed)
	{
		m_in = crypto::make_inbound_sa(m_spec);
		for (std::size_t i = 0; i < sealed.size(); ++i) {
			std::byte *const esp = inner_of(i) - m_layout.payload;
			std::copy(sealed[i].begin(), sealed[i].end(), esp);
			m_opens[i] = {.sa = m_in.get(), .esp = esp, .esp_length = sealed[i].size()};
		}
	}
	[[nodiscard]] bool open(std::size_t first, std::size_t count)
	{
		const auto burst = std::span(m_opens).subspan(first, count);
		m_engine.open(burst);
		return burst.back().refusal == crypto::Refusal::none;
	}
	[[nodiscard]] std::span<const std::byte> opened(std::size_t index) const
	{
		return {m_opens[index].inner, m_opens[index].inner_length};
	}

private:
	[[nodiscard]] std::byte *inner_of(std::size_t index) { return m_buffers[index].bytes.data() + buffer_room; }

	EspLayout m_layout;
	crypto::SaSpec m_spec;
	crypto::OutboundSaPtr m_out;
	crypto::InboundSaPtr m_in;
	std::vector<Buffer> m_buffers;
	std::vector<crypto::Seal> m_seals;
	std::vector<crypto::Open> m_opens;
	crypto::EspEngine m_engine;
};

template <typename Engine> class FramedSide : public Engine {
public:
	using Engine::Engine;
	[[nodiscard]] std::span<const std::byte> sealed(std::size_t index)
	{
		return {this->packets().packet(index), this->packets().layout().total};
	}
	void refill(const SealedPackets &sealed)
	{
		for (std::size_t i = 0; i < sealed.size(); ++i)
			this->packets().take(i, sealed[i]);
	}
	[[nodiscard]] std::span<const std::byte> opened(std::size_t index)
	{
		return {this->packets().packet(index) + this->packets().layout().payload,
			this->packets().layout().inner};
	}
};
using OpensslSide = FramedSide<OpensslEsp>;

template <ImbApi Api> class RawSide : public FramedSide<IpsecMbRaw> {
public:
	RawSide(const SaKey &key, std::size_t inner) : FramedSide(key, inner, Api) {}
	[[nodiscard]] bool open(std::size_t first, std::size_t count)
	{
		IpsecMbRaw::open(first, count);
		return true;
	}
};

// ---------------------------------------------------------------- measurement

void count_packets(benchmark::State &state, std::size_t inner, std::size_t packets)
{
	state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * packets));
	state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * packets * inner));
	state.counters["per_run"] = static_cast<double>(packets);
}

SealedPackets sealed_packets(const SaKey &key, std::size_t inner, std::size_t count)
{
	OurSide ours(key, inner);
	ours.seal(count);
	SealedPackets all;
	for (std::size_t i = 0; i < count; ++i)
		all.emplace_back(ours.sealed(i).begin(), ours.sealed(i).end());
	return all;
}

template <typename Side> void seal(benchmark::State &state, Suite suite, std::size_t inner, std::size_t packets)
{
	const SaKey key(suite);
	Side side(key, inner);
	for (auto _ : state)
		side.seal(packets);
	count_packets(state, inner, packets);
}

// Each packet can be opened once: when the pool is used up, it is filled anew while the clock stands still.
template <typename Side> void open(benchmark::State &state, Suite suite, std::size_t inner, std::size_t packets)
{
	const SaKey key(suite);
	const SealedPackets sealed = sealed_packets(key, inner, max_packets);
	Side side(key, inner);
	std::size_t next = max_packets;
	for (auto _ : state) {
		if (next == max_packets) {
			state.PauseTiming();
			side.refill(sealed);
			next = 0;
			state.ResumeTiming();
		}
		if (!side.open(next, packets))
			return state.SkipWithError("refused");
		next += packets;
	}
	count_packets(state, inner, packets);
}

// ---------------------------------------------------------------- do all sides do the same?

[[noreturn]] void disagree(const char *side, const char *what, Suite suite, std::size_t inner)
{
	std::fprintf(stderr, "esp_bench: %s and ours disagree: %s, %s, %zu bytes\n", side, what,
		     std::string(crypto::name_of(suite)).c_str(), inner);
	std::exit(1);
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

template <typename Side>
void check_opening(Side &side, const char *name, const SealedPackets &sealed, Suite suite, std::size_t inner)
{
	side.refill(sealed);
	if (!side.open(0, sealed.size()))
		disagree(name, "refuses what we sealed", suite, inner);
	std::vector<std::byte> plain(inner);
	for (std::size_t i = 0; i < sealed.size(); ++i) {
		fill_inner(plain, i);
		if (!same(side.opened(i), plain))
			disagree(name, "opens something else", suite, inner);
	}
}

template <typename Side>
void check_framed(Side &&side, const char *name, const SealedPackets &sealed, Suite suite, std::size_t inner)
{
	for (std::size_t i = 0; i < sealed.size(); ++i)
		side.packets().frame(i, sealed[i]);
	side.seal(sealed.size());
	for (std::size_t i = 0; i < sealed.size(); ++i)
		if (!same(side.sealed(i), sealed[i]))
			disagree(name, "seals something else", suite, inner);
	check_opening(side, name, sealed, suite, inner);
	if constexpr (requires { side.tags_match(0, 1); })
		if (!side.tags_match(0, sealed.size()))
			disagree(name, "finds another tag", suite, inner);
}

void check_all_sides(Suite suite, std::size_t inner, std::size_t packets)
{
	const SaKey key(suite);
	const SealedPackets sealed = sealed_packets(key, inner, packets);
	check_framed(RawSide<ImbApi::job>(key, inner), "raw-job", sealed, suite, inner);
	check_framed(RawSide<ImbApi::burst>(key, inner), "raw-burst", sealed, suite, inner);
	check_framed(RawSide<ImbApi::split>(key, inner), "raw-split", sealed, suite, inner);
	check_framed(OpensslSide(key, inner), "openssl", sealed, suite, inner);

	// librte_ipsec makes IVs of its own, so what it seals is judged by opening it.
	RteIpsecEsp rte(key, inner);
	rte.seal(packets);
	SealedPackets by_rte;
	for (std::size_t i = 0; i < packets; ++i)
		by_rte.emplace_back(rte.sealed(i).begin(), rte.sealed(i).end());
	if (by_rte[0].size() != sealed[0].size())
		disagree("librte_ipsec", "seals into another length", suite, inner);
	OurSide ours(key, inner);
	check_opening(ours, "librte_ipsec", by_rte, suite, inner);
	check_opening(rte, "librte_ipsec", sealed, suite, inner);
}

// ---------------------------------------------------------------- registration

constexpr std::array suites{Suite::null_sha1, Suite::cbc_sha1, Suite::gcm};
constexpr std::array<std::size_t, 2> bursts{1, 32};
constexpr std::array<std::size_t, 5> inner_sizes{64, 128, 256, 512, 1408};

using Measure = void (*)(benchmark::State &, Suite, std::size_t, std::size_t);

struct SideEntry {
	const char *name;
	Measure seal;
	Measure open;
};
template <typename Side> constexpr SideEntry entry(const char *name)
{
	return {name, seal<Side>, open<Side>};
}
constexpr std::array sides{
	entry<OurSide>("ours"),
	entry<RawSide<ImbApi::job>>("raw-job"),
	entry<RawSide<ImbApi::burst>>("raw-burst"),
	entry<RawSide<ImbApi::split>>("raw-split"),
	entry<OpensslSide>("openssl"),
	entry<RteIpsecEsp>("librte_ipsec"),
};

// Returns the names of the lines, the part that all sides share.
std::vector<std::string> register_all()
{
	std::vector<std::string> lines;
	const auto line = [&](const char *what, Measure SideEntry::*measure, Suite suite, std::size_t inner,
			      std::size_t packets) {
		lines.push_back(std::string(what) + "/" + std::string(crypto::name_of(suite)) + "/" +
				std::to_string(inner) + "/" + std::to_string(packets));
		for (const SideEntry &side : sides)
			benchmark::RegisterBenchmark((lines.back() + "/" + side.name).c_str(), side.*measure, suite,
						     inner, packets);
	};
	for (const Suite suite : suites)
		for (const std::size_t packets : bursts)
			for (const std::size_t inner : inner_sizes) {
				line("seal", &SideEntry::seal, suite, inner, packets);
				line("open", &SideEntry::open, suite, inner, packets);
			}
	return lines;
}

} // namespace
} // namespace systole::bench

int main(int argc, char **argv)
{
	namespace bench = systole::bench;
	if (!bench::initialise_repeated(argc, argv))
		return 1;
	bench::start_crypto_devices(argv[0]);
	for (const auto suite : bench::suites)
		for (const std::size_t inner : bench::inner_sizes)
			for (const std::size_t packets : bench::bursts)
				bench::check_all_sides(suite, inner, packets);
	bench::RatioReporter reporter(bench::register_all());
	benchmark::RunSpecifiedBenchmarks(&reporter);
}
