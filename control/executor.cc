// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/executor.h"

#include "control/notice_text.h"
#include "control/record.h"

#include <algorithm>
#include <chrono>
#include <type_traits>

namespace systole::control {

namespace {

// Within a pair: the member with the higher serial is 169.254.0.1, the other .2.
constexpr std::uint32_t address_above = 0xa9fe0001U;
constexpr std::uint32_t address_below = 0xa9fe0002U;

} // namespace

Executor::Executor(Parts parts, const core::Config &config, const core::BootNonce &nonce, RoleHooks hooks)
    : m_parts(parts), m_config(config), m_hooks(std::move(hooks)), m_nonce(nonce)
{
}

void Executor::carry_out(const core::Actions &actions, core::Time now, std::vector<core::KeyResult> &answers)
{
	for (const core::Action &wanted : actions) {
		std::visit(
			[&](const auto &action) {
				using Kind = std::decay_t<decltype(action)>;
				if constexpr (std::is_same_v<Kind, core::BeginExchange>)
					m_parts.keys.begin(action);
				else if constexpr (std::is_same_v<Kind, core::ResendKe1>)
					m_parts.keys.resend_ke1(action);
				else if constexpr (std::is_same_v<Kind, core::EvaluateKe1> ||
						   std::is_same_v<Kind, core::EvaluateKe2>)
					answers.push_back(m_parts.keys.evaluate(action));
				else if constexpr (std::is_same_v<Kind, core::SendKe2>)
					m_parts.keys.send_ke2(action);
				else if constexpr (std::is_same_v<Kind, core::SendKe3>)
					m_parts.keys.send_ke3(action);
				else if constexpr (std::is_same_v<Kind, core::CheckKe3>)
					answers.push_back(m_parts.keys.check(action));
				else if constexpr (std::is_same_v<Kind, core::InstallInboundKeys> ||
						   std::is_same_v<Kind, core::InstallOutboundKeys>)
					m_parts.keys.install(action);
				else if constexpr (std::is_same_v<Kind, core::KeepResumeKey>)
					m_parts.keys.keep(action);
				else if constexpr (std::is_same_v<Kind, core::BindCandidate>)
					m_parts.keys.bind(action);
				else if constexpr (std::is_same_v<Kind, core::DropSession>)
					m_parts.keys.drop(action);
				else if constexpr (std::is_same_v<Kind, core::StopPeerBeats>) {
					m_parts.worker.send(StopPeer{action.slot});
				} else if constexpr (std::is_same_v<Kind, core::SetPeerMac>)
					m_parts.worker.send(SetPeerMac{action.slot, action.link, action.mac});
				else if constexpr (std::is_same_v<Kind, core::Notice>) {
					if (m_noticed)
						m_noticed(action);
				} else if constexpr (std::is_same_v<Kind, core::BecomePrimary> ||
						     std::is_same_v<Kind, core::BecomeSecondary> ||
						     std::is_same_v<Kind, core::ResumeClaim> ||
						     std::is_same_v<Kind, core::Reannounce>)
					run(action, now);
				else
					run(action);
			},
			wanted);
	}
}

core::HakeBytes Executor::hello(core::LinkIndex link) const
{
	core::Hello hello;
	hello.header = {core::HakeType::hello, m_config.group_id, link, m_config.self, m_nonce};
	hello.group_name = m_config.group_name;
	hello.capabilities = m_config.capabilities;
	hello.policy = m_config.policy;
	return core::encode(hello);
}

void Executor::send_sealed(core::PeerSlot slot, core::LinkIndex link, const core::HakeBytes &bytes)
{
	SendSealed message{};
	message.slot = slot;
	message.link = link;
	message.length = bytes.length;
	std::copy_n(bytes.bytes.begin(), bytes.length, message.payload.begin());
	m_parts.worker.send(message);
}

void Executor::run(const core::AskRekey &action)
{
	for (core::LinkIndex link = 0; link < m_config.link_count; ++link)
		send_sealed(action.slot, link, hello(link));
}

void Executor::run(const core::SayBye &action)
{
	for (core::LinkIndex link = 0; link < m_config.link_count; ++link) {
		core::Bye bye;
		bye.header = {core::HakeType::bye, m_config.group_id, link, m_config.self, m_nonce};
		bye.destination = action.peer;
		bye.destination_nonce = action.peer_nonce;
		send_sealed(action.slot, link, core::encode(bye));
	}
}

void Executor::run(const core::BeginAnew &)
{
	if (m_anew)
		m_anew();
}

void Executor::run(const core::SendHello &)
{
	for (core::LinkIndex link = 0; link < m_config.link_count; ++link) {
		const core::HakeBytes bytes = hello(link);
		SendFrame frame{};
		frame.link = link;
		frame.destination = core::broadcast_mac;
		frame.length = bytes.length;
		std::copy_n(bytes.bytes.begin(), bytes.length, frame.payload.begin());
		m_parts.worker.send(frame);
	}
}

void Executor::run(const core::StartPeerBeats &action)
{
	m_parts.worker.send(StartPeer{action.slot, action.generation, action.above_peer ? address_above : address_below,
				      action.above_peer ? address_below : address_above, action.link_bitmap,
				      action.macs});
}

void Executor::run(const core::SetBeatContent &action)
{
	SetBeat beat{};
	beat.immediate = action.immediate;
	beat.length = static_cast<std::uint16_t>(core::encode(m_parts.node.beat(), beat.content));
	m_parts.worker.send(beat);
}

void Executor::run(const core::BecomePrimary &action, core::Time now)
{
	m_last_claims[action.vcluster] = action;
	const auto begun = std::chrono::steady_clock::now();
	if (m_before_claim)
		m_before_claim(action.vcluster);
	claim(action.vcluster, action.offered ? Takeover::Haste::planned : Takeover::Haste::urgent,
	      std::chrono::steady_clock::now() - begun);
	primary_hook(action.vcluster, now);
}

void Executor::run(const core::BecomeSecondary &action, core::Time now)
{
	if (!action.succeeded || !m_linger) {
		release(action, now);
		return;
	}
	m_parts.takeovers.of(action.vcluster).linger();
	m_linger(action.vcluster, [this, action, now] { release(action, now); });
}

void Executor::release(const core::BecomeSecondary &action, core::Time now)
{
	if (m_before_release)
		m_before_release(action.vcluster);
	const ReleaseReport report = m_parts.takeovers.of(action.vcluster).release();
	log_errors(report.errors);
	if (m_released)
		m_released(action.vcluster, report);
	hook(m_hooks.secondary, "secondary", action.vcluster, action.epoch, action.decision, now);
}

void Executor::run(const core::SuspendClaim &action)
{
	m_parts.takeovers.of(action.vcluster).suspend();
}

void Executor::run(const core::ResumeClaim &action, core::Time now)
{
	claim(action.vcluster);
	primary_hook(action.vcluster, now);
}

void Executor::run(const core::Reannounce &action, core::Time now)
{
	log_errors(m_parts.takeovers.of(action.vcluster).announce_again());
	if (action.hooks)
		primary_hook(action.vcluster, now);
}

void Executor::run(const core::SeekWitness &action)
{
	if (m_sought)
		m_sought(action);
}

void Executor::run(const core::EndSilence &)
{
	m_parts.worker.send(EndSilence{m_parts.attendance.end()});
}

void Executor::claim(std::uint8_t vcluster, Takeover::Haste haste, core::Duration committed_in)
{
	ClaimReport report = m_parts.takeovers.of(vcluster).claim(haste);
	report.committed_in = committed_in;
	log_errors(report.errors);
	if (m_claimed)
		m_claimed(vcluster, report);
}

// Of the last claim.
void Executor::primary_hook(std::uint8_t vcluster, core::Time now)
{
	const core::BecomePrimary &claim = m_last_claims[vcluster];
	hook(m_hooks.primary, "primary", vcluster, claim.epoch, claim.decision, now);
}

void Executor::hook(const std::string &path, std::string role, std::uint8_t vcluster, std::uint32_t epoch,
		    const core::Decision &decision, core::Time now)
{
	if (path.empty())
		return;
	HookCall call;
	call.path = path;
	call.role = std::move(role);
	call.vcluster = vcluster;
	call.epoch = epoch;
	call.reason = reason_phrase(decision);
	call.deadline = m_hooks.deadline;
	m_parts.hooks.run(std::move(call), now);
}

} // namespace systole::control
