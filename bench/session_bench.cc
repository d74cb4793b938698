// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What one session costs: its compact form written and read, and a table of a thousand, a hundred thousand and a million
// sessions. Keys come in no order, so that large tables wait for memory as they would.
#include "tests/unit/core/session/session_samples.h"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace systole::core;
using namespace systole::core::samples;

SessionRecord translated(SessionRecord record)
{
	record = with_source_nat(record, 1025);
	record.mark = 7;
	return record;
}

void record_encode(benchmark::State &state, const SessionRecord &sample)
{
	SessionRecord record = translated(sample);
	std::array<std::byte, max_record_bytes> out{};
	std::size_t bytes = 0;
	for (auto _ : state) {
		++record.key.original.source_port;
		benchmark::DoNotOptimize(bytes = encode(record, out));
		benchmark::ClobberMemory();
	}
	state.SetLabel(std::to_string(bytes) + " bytes");
}
BENCHMARK_CAPTURE(record_encode, ipv4, tcp4());
BENCHMARK_CAPTURE(record_encode, ipv6, tcp6());

void record_decode(benchmark::State &state, const SessionRecord &sample)
{
	std::array<std::byte, max_record_bytes> bytes{};
	const std::size_t length = encode(translated(sample), bytes);
	if (!decode_record(bytes))
		return state.SkipWithError("refused");
	for (auto _ : state) {
		benchmark::DoNotOptimize(bytes.data());
		benchmark::ClobberMemory();
		benchmark::DoNotOptimize(decode_record(std::span(bytes).first(length)));
	}
	state.SetLabel(std::to_string(length) + " bytes");
}
BENCHMARK_CAPTURE(record_decode, ipv4, tcp4());
BENCHMARK_CAPTURE(record_decode, ipv6, tcp6());

void record_key_hash(benchmark::State &state, const SessionRecord &sample)
{
	SessionKey key = sample.key;
	for (auto _ : state) {
		++key.original.source_port;
		benchmark::DoNotOptimize(key_hash(key, 1));
	}
}
BENCHMARK_CAPTURE(record_key_hash, ipv4, tcp4());
BENCHMARK_CAPTURE(record_key_hash, ipv6, tcp6());

// A table with room for so many, and one record that becomes any of them in no time.
struct Sessions {
	explicit Sessions(benchmark::State &state)
	    : count(static_cast<std::uint32_t>(state.range(0))), table(count), record(translated(tcp4()))
	{
		state.SetLabel(std::to_string(SessionTable::bytes_for(count) / table->capacity()) + " bytes a session");
	}
	const SessionRecord &number(std::uint32_t n)
	{
		record.key.original.source[1] = static_cast<std::byte>(n >> 16);
		record.key.original.source[2] = static_cast<std::byte>(n >> 8);
		record.key.original.source[3] = static_cast<std::byte>(n);
		return record;
	}
	const SessionRecord &any() { return number(static_cast<std::uint32_t>(random() % count)); }
	void fill()
	{
		table->clear();
		for (std::uint32_t n = 0; n < count; ++n)
			(void)table->put(number(n));
	}
	std::uint32_t count;
	OwnedTable table;
	SessionRecord record;
	std::minstd_rand random;
};

// `put_one` puts session n into an empty table that was full before: all its memory is there.
template <typename PutOne> void fill_again_and_again(benchmark::State &state, PutOne put_one)
{
	Sessions sessions(state);
	sessions.fill();
	while (state.KeepRunningBatch(sessions.count)) {
		state.PauseTiming();
		sessions.table->clear();
		state.ResumeTiming();
		for (std::uint32_t n = 0; n < sessions.count; ++n)
			put_one(sessions, n);
	}
	if (sessions.table->size() != sessions.count)
		state.SkipWithError("sessions are missing");
}

void put_new(benchmark::State &state)
{
	fill_again_and_again(state, [](Sessions &sessions, std::uint32_t n) {
		benchmark::DoNotOptimize(sessions.table->put(sessions.number(n)));
	});
}

void put_at_new(benchmark::State &state)
{
	fill_again_and_again(state, [](Sessions &sessions, std::uint32_t n) {
		benchmark::DoNotOptimize(sessions.table->put_at(n, sessions.number(n)));
	});
}

void put_known(benchmark::State &state)
{
	Sessions sessions(state);
	sessions.fill();
	for (auto _ : state) {
		++sessions.record.mark;
		benchmark::DoNotOptimize(sessions.table->put(sessions.any()));
	}
	if (sessions.table->size() != sessions.count)
		state.SkipWithError("they were not known");
}

void find(benchmark::State &state)
{
	Sessions sessions(state);
	sessions.fill();
	std::uint64_t missing = 0;
	for (auto _ : state)
		missing += sessions.table->find(sessions.any().key) == no_slot ? 1 : 0;
	if (missing != 0)
		state.SkipWithError("sessions are missing");
}

// A session ends and another one begins.
void erase_and_put(benchmark::State &state)
{
	Sessions sessions(state);
	sessions.fill();
	for (auto _ : state) {
		const SlotNumber slot = sessions.table->find(sessions.any().key);
		sessions.table->erase(slot);
		benchmark::DoNotOptimize(sessions.table->put(sessions.record));
	}
	if (sessions.table->size() != sessions.count)
		state.SkipWithError("sessions are missing");
}

#define SIZES Arg(1000)->Arg(100000)->Arg(1000000)
BENCHMARK(put_new)->SIZES;
BENCHMARK(put_at_new)->SIZES;
BENCHMARK(put_known)->SIZES;
BENCHMARK(find)->SIZES;
BENCHMARK(erase_and_put)->SIZES;

} // namespace

BENCHMARK_MAIN();
