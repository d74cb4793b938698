// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: the heartbeat body, as an authentic but mad member might fill it, and what liveness makes of its
// numbers. Input: arrival (8 bytes, ns) | stamp | content.
//
// covers: P16 as "fuzz: what was kept and a few seconds more, every target"
#include "control/core/heartbeat.h"
#include "control/core/liveness.h"
#include "control/core/wire.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace systole::fuzz {

namespace {

using namespace core;
using namespace std::chrono_literals;

void judge_content(std::span<const std::byte> bytes)
{
	const auto content = decode_content(bytes);
	if (!content)
		return;
	std::array<std::byte, 1024> buffer{};
	const std::size_t length = encode(*content, buffer);
	require(length != 0, "whatever decodes fits into a beat again");
	const auto again = decode_content(std::span(buffer).first(length));
	require(again && *again == *content, "content decodes, encodes and decodes to the same");
	for (std::size_t room = 0; room < length; room += 7)
		require(encode(*content, std::span(buffer).first(room)) == 0, "too little room writes nothing");
}

void judge_stamp(const BeatStamp &stamp, std::span<const std::byte> body)
{
	std::array<std::byte, beat_stamp_bytes> written{};
	encode(stamp, written);
	require(std::equal(written.begin(), written.end(), body.begin()), "a stamp encodes to the bytes it came from");
	require(stamp.content_length + beat_stamp_bytes <= body.size(), "the content lies in the body");
}

// A link that has sent a few beats takes the stamp in, twice, and is judged; any number may stand in the stamp.
void judge_liveness(const BeatStamp &stamp, Time now)
{
	const LivenessTiming timing = LivenessTiming::from(10ms, 3);
	LinkLiveness link;
	link.start();
	for (int i = 0; i < 3; ++i)
		require(link.next_tx() != 0, "beats are numbered from one");
	for (int i = 0; i < 2; ++i) {
		const BeatVerdict verdict = link.on_beat(now, stamp, timing);
		require(verdict != BeatVerdict::fresh || link.life(), "a fresh beat is life");
		require(verdict != BeatVerdict::rollback || stamp.echo > link.tx(), "a rollback echoes the unsent");
		const Time deadline = link.deadline(timing);
		require(deadline == never || !link.life() || deadline >= link.last_life(),
			"the end lies behind the life");
		BeatStamp answer;
		link.fill_echo(now + 5ms, answer);
		require(answer.echo == 0 || answer.echo == stamp.tx, "what was heard is echoed");
		(void)link.judge(now + 1s, timing);
		require(link.state() != LinkLiveness::State::alive,
			"silence for longer than the dead interval is no life");
		now += 2s;
	}
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	WireReader in(systole::fuzz::bytes_of(data, size));
	// A clock of our own: some time since the machine's start, at most 34 years.
	const Time now{Duration{static_cast<std::int64_t>(in.number<std::uint64_t>() >> 4)}};
	const auto body = in.take(in.left());
	const auto stamp = decode_stamp(body);
	if (stamp) {
		judge_stamp(*stamp, body);
		judge_liveness(*stamp, now);
		judge_content(body.subspan(beat_stamp_bytes, stamp->content_length));
	} else {
		judge_content(body);
	}
	return 0;
}
