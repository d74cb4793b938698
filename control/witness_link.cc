// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Between the core and the witness.
#include "control/witness_link.h"

#include "control/log.h"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace systole::control {

WitnessSettings witness_settings(const Configuration &configuration)
{
	const Configuration::Ha &ha = configuration.ha;
	WitnessSettings settings;
	settings.endpoints = ha.witness_endpoints;
	settings.key_prefix = fmt::format("/systole/{}-{}", ha.group_name, ha.group_id);
	settings.serial = configuration.global.serial;
	settings.ttl = ha.witness_ttl;
	settings.timeout = ha.witness_timeout;
	settings.ca_file = ha.witness_ca;
	settings.certificate_file = ha.witness_certificate;
	settings.key_file = ha.witness_key;
	return settings;
}

WitnessLink::WitnessLink(boost::asio::io_context &io, const Configuration &configuration, Feed feed)
    : m_io(io), m_settings(witness_settings(configuration)), m_feed(std::move(feed))
{
	for (const auto &vcluster : configuration.ha.effective_vclusters())
		m_leases[vcluster.id].report.vcluster = vcluster.id;
}

void WitnessLink::start()
{
	m_witness = std::make_unique<Witness>(m_settings, [this](const WitnessReport &report) {
		boost::asio::post(m_io, [this, report] { take(report); });
	});
	if (!m_witness->start(m_error)) {
		log(LogApp::daemon, LogLevel::error, "{}", m_error);
		m_witness.reset();
		for (const auto &[vcluster, lease] : m_leases)
			boost::asio::post(m_io, [this, report = lease.report] { take(report); });
		return;
	}
	for (const auto &[vcluster, lease] : m_leases)
		want(vcluster, false); // whether it can be reached is known before it is needed
}

void WitnessLink::seek(const core::SeekWitness &wish)
{
	want(wish.vcluster, wish.wanted);
}

void WitnessLink::want(std::uint8_t vcluster, bool wanted)
{
	Lease &lease = m_leases[vcluster];
	lease.wanted = wanted;
	if (m_witness == nullptr)
		return;
	++lease.wishes;
	m_witness->want(vcluster, wanted);
}

// A report may have been on its way when the lease was given back, and perhaps sought again since.
void WitnessLink::take(const WitnessReport &report)
{
	Lease &lease = m_leases[report.vcluster];
	lease.report = report;
	const bool held = report.holding && lease.wanted && report.wishes == lease.wishes;
	m_feed(core::WitnessChanged{report.vcluster, report.reachable, held ? report.held_until : core::Time{}});
}

void WitnessLink::stop()
{
	if (m_witness != nullptr && !m_witness->wait_released(m_settings.timeout))
		log(LogApp::daemon, LogLevel::warning,
		    "the witness did not take its lease back in time; it is free when its {} s are over",
		    m_settings.ttl.count() / 1000);
	m_witness.reset();
}

boost::json::object WitnessLink::status() const
{
	boost::json::object status{{"used", true}, {"error", m_error}};
	const WitnessStatus witness = m_witness == nullptr ? WitnessStatus{} : m_witness->status();
	status["ttl_granted_s"] = witness.ttl_granted.count();
	boost::json::array endpoints;
	for (const WitnessStatus::Endpoint &endpoint : witness.endpoints)
		endpoints.push_back(boost::json::object{{"url", endpoint.url},
							{"asked", endpoint.asked},
							{"reachable", endpoint.reachable},
							{"error", endpoint.error},
							{"latency_us", core::microseconds(endpoint.latency)}});
	status["endpoints"] = std::move(endpoints);
	boost::json::array vclusters;
	for (const auto &[vcluster, lease] : m_leases) {
		std::int64_t held_ms = 0;
		for (const WitnessStatus::Hold &hold : witness.held)
			if (hold.vcluster == vcluster)
				held_ms = hold.remaining.count();
		vclusters.push_back(boost::json::object{{"id", vcluster},
							{"wanted", lease.wanted},
							{"reachable", lease.report.reachable},
							{"holding", held_ms > 0},
							{"held_ms", held_ms},
							{"holder", lease.report.holder},
							{"error", lease.report.error}});
	}
	status["vclusters"] = std::move(vclusters);
	return status;
}

} // namespace systole::control
