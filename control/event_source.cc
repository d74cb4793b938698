// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/event_source.h"

#include <algorithm>

namespace systole::control {

namespace {

using Body = std::optional<core::EventBody>;

core::LinkHealth health_of(LinkVerdict verdict)
{
	switch (verdict) {
	case LinkVerdict::alive: return core::LinkHealth::up;
	case LinkVerdict::one_way: return core::LinkHealth::one_way;
	case LinkVerdict::lost:
	case LinkVerdict::stale:
	case LinkVerdict::rollback: break;
	}
	return core::LinkHealth::down;
}

Body convert(const HakeFrame &frame)
{
	core::HakeReceived event;
	event.link = frame.link;
	event.source = frame.source;
	event.slot = frame.slot;
	event.session = frame.session;
	event.message.length = static_cast<std::uint8_t>(std::min<std::size_t>(frame.length, max_hake_bytes));
	std::copy_n(frame.payload.begin(), event.message.length, event.message.bytes.begin());
	return event;
}

Body convert(const SessionConfirmed &confirmed)
{
	return core::SessionConfirmed{confirmed.session};
}

Body convert(const SessionWorn &worn)
{
	return core::SessionWorn{worn.session};
}

Body convert(const PeerBeat &beat)
{
	const auto content =
		core::decode_content({beat.content.data(), std::min<std::size_t>(beat.length, beat.content.size())});
	if (!content)
		return std::nullopt;
	core::BeatReceived event;
	event.slot = beat.slot;
	event.link = beat.link;
	event.session = beat.session;
	event.heard = health_of(beat.verdict);
	event.since_return = beat.since_return;
	event.sent_ns = beat.sent_ns;
	event.lateness_us = beat.lateness_us;
	event.content = *content;
	event.arrived_at = beat.at;
	return event;
}

Body convert(const PeerLink &link)
{
	if (link.verdict == LinkVerdict::rollback)
		return core::PeerRolledBack{link.slot, link.generation};
	core::PeerLinkChanged event;
	event.slot = link.slot;
	event.generation = link.generation;
	event.link = link.link;
	event.health = link.verdict == LinkVerdict::stale ? core::LinkHealth::one_way : health_of(link.verdict);
	event.life = link.verdict == LinkVerdict::alive || link.verdict == LinkVerdict::one_way;
	event.last_rx = link.last_rx;
	event.judged_at = link.at;
	return event;
}

template <typename Other> Body convert(const Other &)
{
	return std::nullopt;
}

} // namespace

std::optional<core::EventBody> core_event(const WorkerEvent &event)
{
	return std::visit([](const auto &value) { return convert(value); }, event);
}

} // namespace systole::control
