// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The ESP engine, packet by packet and in bursts, beside OpenSSL over the same bytes in the same run.
// Names: seal/SUITE/INNER-BYTES/BURST. items_per_second counts packets.
#include "bench/openssl_esp.h"
#include "crypto/bytes.h"
#include "crypto/esp.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

using namespace systole::crypto;

constexpr std::size_t room = 64;
using Buffer = std::array<std::byte, 2048>;

struct Keys {
	explicit Keys(Suite suite_) : suite(suite_) { random_bytes(bytes); }
	[[nodiscard]] SaSpec spec() const
	{
		return {.spi = 0x01020300, .suite = suite, .key = std::span(bytes).first(shape_of(suite).key_bytes)};
	}
	Suite suite;
	std::array<std::byte, max_sa_key_bytes> bytes{};
};

struct Burst {
	Burst(std::size_t packets, std::size_t inner_) : inner(inner_), buffers(packets), seals(packets) {}
	void seal(EspEngine &engine, OutboundSa &sa)
	{
		for (std::size_t i = 0; i < seals.size(); ++i)
			seals[i] = {.sa = &sa,
				    .inner = buffers[i].data() + room,
				    .inner_length = inner,
				    .headroom = room,
				    .tailroom = room};
		engine.seal(seals);
	}
	std::size_t inner;
	std::vector<Buffer> buffers;
	std::vector<Seal> seals;
};

void count_packets(benchmark::State &state, std::size_t burst, std::size_t inner)
{
	state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * burst));
	state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * burst * inner));
}

void seal(benchmark::State &state, Suite suite)
{
	const auto inner = static_cast<std::size_t>(state.range(0));
	const auto packets = static_cast<std::size_t>(state.range(1));
	const Keys keys(suite);
	const OutboundSaPtr sa = make_outbound_sa(keys.spec());
	EspEngine engine;
	Burst burst(packets, inner);
	for (auto _ : state) {
		burst.seal(engine, *sa);
		sa->set_next_sequence(1); // benchmarks run longer than the numbers of an SA last
	}
	count_packets(state, packets, inner);
}

// Each packet can be opened once. A pool is sealed beforehand; when it is used up, a new SA and fresh copies are made
// while the clock is stopped.
void open(benchmark::State &state, Suite suite)
{
	constexpr std::size_t pool = 1024;
	const auto inner = static_cast<std::size_t>(state.range(0));
	const auto packets = static_cast<std::size_t>(state.range(1));
	const Keys keys(suite);
	const OutboundSaPtr out = make_outbound_sa(keys.spec());
	EspEngine engine;
	Burst sealed(pool, inner);
	sealed.seal(engine, *out);
	std::vector<Buffer> work(pool);
	std::vector<Open> opens(pool);
	InboundSaPtr in;
	std::size_t next = pool;
	for (auto _ : state) {
		if (next == pool) {
			state.PauseTiming();
			in = make_inbound_sa(keys.spec());
			for (std::size_t i = 0; i < pool; ++i) {
				const Seal &one = sealed.seals[i];
				std::copy_n(one.esp, one.esp_length, work[i].data());
				opens[i] = {.sa = in.get(), .esp = work[i].data(), .esp_length = one.esp_length};
			}
			next = 0;
			state.ResumeTiming();
		}
		const auto burst = std::span(opens).subspan(next, packets);
		engine.open(burst);
		if (burst.front().refusal != Refusal::none)
			return state.SkipWithError("refused");
		next += packets;
	}
	count_packets(state, packets, inner);
}

void openssl_seal(benchmark::State &state, Suite suite)
{
	const auto inner = static_cast<std::size_t>(state.range(0));
	const auto packets = static_cast<std::size_t>(state.range(1));
	const SuiteShape shape = shape_of(suite);
	const std::size_t padded = (inner + 2 + shape.align - 1) / shape.align * shape.align;
	systole::bench::OpensslEsp esp(suite);
	std::vector<Buffer> buffers(packets);
	for (auto _ : state)
		for (Buffer &buffer : buffers) {
			const auto packet = std::span(buffer).first(esp_header_bytes + shape.iv_bytes + padded);
			esp.seal(packet, packet.data() + packet.size());
		}
	count_packets(state, packets, inner);
}

} // namespace

int main(int argc, char **argv)
{
	for (const Suite suite : {Suite::null_sha1, Suite::cbc_sha1, Suite::gcm}) {
		const std::string name(name_of(suite));
		for (const int packets : {1, 32})
			for (const int inner : {64, 128, 256, 1408}) {
				benchmark::RegisterBenchmark(("seal/" + name).c_str(), seal, suite)
					->Args({inner, packets});
				benchmark::RegisterBenchmark(("seal-openssl/" + name).c_str(), openssl_seal, suite)
					->Args({inner, packets});
				benchmark::RegisterBenchmark(("open/" + name).c_str(), open, suite)
					->Args({inner, packets});
			}
	}
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	benchmark::RunSpecifiedBenchmarks();
}
