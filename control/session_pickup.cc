// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/session_pickup.h"

#include "control/log.h"
#include "control/prefix_of.h"
#include "control/sessions/conntrack_sink.h"
#include "control/sessions/conntrack_source.h"
#include "control/sessions/shared_memory_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace systole::control {

namespace {

// The kernel takes some 400,000 sessions a second. Whoever is later than this finds the addresses claimed already.
constexpr auto commit_patience = std::chrono::seconds{1};
constexpr std::size_t shared_memory_sessions = std::size_t{1} << 20; // no limit of the kernel's binds these
constexpr auto pickup_delay = std::chrono::seconds{30};              // session-pickup-delay, as the vendor documents it

// Who has offered the role to this member, and can tell it the rest of its sessions; 0: nobody.
core::PeerSlot predecessor_of(const core::Node &node)
{
	const core::Members &members = node.members();
	for (std::size_t slot = 1; slot < members.size(); ++slot) {
		const core::Member &other = members[slot];
		if (!other.alive || other.content.vclusters.empty() ||
		    (other.content.capabilities & core::cap_takes_sessions) == 0)
			continue;
		const core::VclusterBeat &words = other.content.vclusters[0];
		if (words.state == core::HaState::work && words.offering &&
		    words.choice == core::member_hash(node.config().self))
			return static_cast<core::PeerSlot>(slot);
	}
	return 0;
}

core::PeerSlot slot_of(const core::Node &node, const core::Member *member)
{
	return member == nullptr ? core::PeerSlot{0} : static_cast<core::PeerSlot>(member - node.members().data());
}

std::string_view name_of(SessionRole role)
{
	switch (role) {
	case SessionRole::source: return "source";
	case SessionRole::copy: return "copy";
	case SessionRole::idle: break;
	}
	return "idle";
}

std::string refusal_text(int code)
{
	std::string text = std::strerror(code);
	if (code == ENOMEM)
		text += "; is net.netfilter.nf_conntrack_max large enough?";
	return text;
}

} // namespace

SessionFilterRules session_filter_rules(const Configuration &configuration)
{
	SessionFilterRules rules;
	rules.connectionless = configuration.ha.session_pickup_connectionless;
	for (const Configuration::SessionFilter &filter : configuration.session_filters) {
		SessionFilterRule rule{.take = filter.action == Configuration::FilterAction::sync,
				       .prefix = {},
				       .protocol = filter.protocol,
				       .first_port = filter.port.first,
				       .last_port = filter.port.last};
		if (filter.address)
			rule.prefix = std::visit([](const auto &prefix) { return prefix_of(prefix); }, *filter.address);
		rules.rules.push_back(rule);
	}
	return rules;
}

SessionPickup::SessionPickup(const Configuration &configuration, const core::MemberId &self, WorkerChannel &channel,
			     const InstancePaths &paths)
    : m_configuration(configuration), m_liberality(paths.tcp_liberality())
{
	const Configuration::Ha &ha = configuration.ha;
	if (!ha.session_pickup || channel.lanes == nullptr)
		return;
	SessionSettings settings;
	settings.self = self;
	settings.hot = ha.session_commit == Configuration::SessionCommit::hot;
	settings.delay = ha.session_pickup_delay ? core::Duration{pickup_delay} : core::Duration::zero();
	settings.filter = session_filter_rules(configuration);
	settings.control_bell = &channel.bell;
	if (ha.session_source == Configuration::SessionSource::shared_memory) {
		settings.capacity = shared_memory_sessions;
		const auto plane = std::make_shared<SharedMemoryPlane>(paths.session_ring());
		m_engine = std::make_unique<SessionEngine>(std::move(settings), *channel.lanes, channel.work_bell,
							   std::make_unique<SharedMemorySource>(plane),
							   std::make_unique<SharedMemorySink>(plane));
		return;
	}
	settings.capacity = kernel_session_limit();
	ConntrackSourceSettings source;
	source.expectations = ha.session_pickup_expectation;
	ConntrackSinkSettings sink;
	sink.capacity = settings.capacity;
	m_engine = std::make_unique<SessionEngine>(std::move(settings), *channel.lanes, channel.work_bell,
						   std::make_unique<ConntrackSource>(source),
						   std::make_unique<ConntrackSink>(std::move(sink)));
}

bool SessionPickup::start(std::string &error)
{
	if (m_engine == nullptr)
		return true;
	const bool kernel = m_configuration.ha.session_source == Configuration::SessionSource::conntrack;
	if (std::string problem; kernel && !m_liberality.start(problem))
		log(LogApp::hasync, LogLevel::warning,
		    "session pickup: {}; TCP connections that come back to this member may be reset", problem);
	return m_engine->start(error);
}

void SessionPickup::stop()
{
	if (m_engine != nullptr)
		m_engine->stop();
	m_liberality.stop();
}

void SessionPickup::follow(const core::Node &node)
{
	if (m_engine == nullptr)
		return;
	SessionSituation now;
	now.source = node.primary();
	now.epoch = node.primary() ? node.vcluster().epoch : 0;
	const core::Members &members = node.members();
	for (std::size_t slot = 1; slot < members.size(); ++slot)
		if (members[slot].alive)
			now.peers[slot] = members[slot].generation;
	if (!now.source)
		now.followed = slot_of(node, node.virtual_cluster().live_primary(members));
	const core::HandOver &plan = node.vcluster().hand_over;
	if (now.source ? plan.under_way() : node.now() < plan.telling_until) {
		const core::Member *successor = plan.successor.empty() ? nullptr : node.member(plan.successor);
		const bool takes =
			successor != nullptr && (successor->content.capabilities & core::cap_takes_sessions) != 0;
		now.successor = slot_of(node, takes ? successor : nullptr);
		now.hand_over = plan.number;
	}
	if (now.source)
		now.predecessor = m_situation.source && m_situation.epoch == now.epoch ? m_situation.predecessor
										       : predecessor_of(node);
	m_engine->flush();
	if (now == m_situation)
		return;
	m_situation = now;
	m_engine->set(now);
}

void SessionPickup::hold()
{
	if (m_engine != nullptr)
		m_engine->hold();
}

void SessionPickup::renew()
{
	if (m_engine != nullptr)
		m_engine->renew();
}

CommitReport SessionPickup::commit()
{
	if (m_engine == nullptr)
		return {};
	// Control does nothing else meanwhile, and must not seem to hang.
	const core::Duration patience =
		std::min<core::Duration>(commit_patience, m_configuration.ha.control_watchdog_interval() / 2);
	const CommitReport report = m_engine->commit(patience);
	if (report.left != 0)
		log(LogApp::hasync, LogLevel::warning,
		    "session pickup: {} sessions were not in the kernel when the addresses were claimed; they follow",
		    report.left);
	return report;
}

std::optional<core::SessionsTold> SessionPickup::told(const core::HandOver &plan, core::Time now) const
{
	if (m_engine == nullptr)
		return std::nullopt;
	const SessionStatus &status = m_engine->status();
	if (plan.under_way() && !plan.told && status.fence_passed.load(std::memory_order_acquire) == plan.number)
		return core::SessionsTold{plan.number, false};
	if (now < plan.telling_until && status.rest_told.load(std::memory_order_acquire) == plan.number)
		return core::SessionsTold{plan.number, true};
	return std::nullopt;
}

bool SessionPickup::whole() const
{
	if (m_engine == nullptr || m_situation.source)
		return true;
	const SessionStatus &status = m_engine->status();
	return status.role.load(std::memory_order_relaxed) == SessionRole::copy &&
	       status.whole.load(std::memory_order_relaxed);
}

std::string SessionPickup::lacks() const
{
	if (m_engine == nullptr || m_situation.source)
		return {};
	const SessionStatus &status = m_engine->status();
	if (!status.in_step.load(std::memory_order_relaxed))
		return "the primary's sessions are not all here yet";
	const std::uint64_t pending = status.commit_pending.load(std::memory_order_relaxed);
	const std::uint64_t refused = status.kernel_refused.load(std::memory_order_relaxed);
	if (refused != 0)
		return fmt::format("the kernel refuses {} sessions: {}", refused,
				   refusal_text(status.commit_errno.load(std::memory_order_relaxed)));
	const bool hot = m_configuration.ha.session_commit == Configuration::SessionCommit::hot;
	return hot && pending != 0 ? fmt::format("{} sessions are not in the kernel yet", pending) : std::string();
}

boost::json::object SessionPickup::status() const
{
	const Configuration::Ha &ha = m_configuration.ha;
	boost::json::object json{{"enabled", m_engine != nullptr},
				 {"delay", ha.session_pickup_delay},
				 {"connectionless", ha.session_pickup_connectionless},
				 {"expectation", ha.session_pickup_expectation}};
	if (m_engine == nullptr)
		return json;
	const SessionStatus &status = m_engine->status();
	const auto number = [](const auto &value) { return value.load(std::memory_order_relaxed); };
	const std::uint64_t records = number(status.records_sent);
	json["source"] = ha.session_source == Configuration::SessionSource::conntrack ? "conntrack" : "shared-memory";
	json["commit"] = ha.session_commit == Configuration::SessionCommit::hot ? "hot" : "on-takeover";
	json["role"] = name_of(number(status.role));
	json["sessions"] = number(status.sessions);
	json["expectations"] = number(status.expectations);
	json["capacity"] = number(status.capacity);
	json["young"] = number(status.young);
	json["in_step"] = number(status.in_step);
	json["at_risk"] = number(status.at_risk);
	json["sync_lag_ms"] = static_cast<double>(number(status.lag_ns)) * 1e-6;
	json["commit_pending"] = number(status.commit_pending);
	json["kernel_refused"] = number(status.kernel_refused);
	json["kernel_refusal"] = number(status.commit_refused) == 0 ? "" : refusal_text(number(status.commit_errno));
	json["generation"] = number(status.generation);
	json["bytes_per_session_memory"] = m_engine->bytes_per_session();
	json["bytes_per_session_wire"] =
		records == 0 ? 0.0
			     : static_cast<double>(number(status.record_bytes_sent)) / static_cast<double>(records);
	json["sync_frames"] = number(status.frames_sent);
	json["sync_frames_received"] = number(status.frames_received);
	json["sync_frames_lost"] = number(status.frames_lost);
	json["records_sent"] = records;
	json["records_received"] = number(status.records_received);
	json["blocks_repaired"] = number(status.repairs);
	json["frames_refused"] = number(status.refused);
	json["frames_of_others"] = number(status.refused_sender);
	json["told_late"] = number(status.told_late);
	json["rest_lost"] = number(status.rest_lost);
	json["rest_missed"] = number(status.rest_missed);
	json["no_room"] = number(status.full);
	json["filtered"] = number(status.filtered);
	json["source_events"] = number(status.source_events);
	json["source_overruns"] = number(status.source_overruns);
	json["source_dumps"] = number(status.source_dumps);
	json["source_dump_sessions"] = number(status.dump_sessions);
	json["source_dump_ms"] = static_cast<double>(number(status.dump_ns)) * 1e-6;
	json["expectations_left_out"] = number(status.expectations_left_out);
	json["committed"] = number(status.committed);
	json["commit_refused"] = number(status.commit_refused);
	json["commit_errno"] = number(status.commit_errno);
	return json;
}

} // namespace systole::control
