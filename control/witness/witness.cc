// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/witness.h"

#include "control/witness/gateway.h"
#include "control/witness/http_post.h"
#include "control/witness/lease_keeper.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace systole::control {

namespace {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock; // CLOCK_MONOTONIC on Linux

core::Time now()
{
	return core::Time{SteadyClock::now().time_since_epoch()};
}

std::string refusal_of(const WitnessSettings &settings)
{
	if (settings.endpoints.empty())
		return "witness: no endpoint is given; name the client addresses of etcd's members";
	if (settings.key_prefix.empty() || !settings.key_prefix.starts_with('/') || settings.key_prefix.ends_with('/'))
		return "witness: key prefix \"" + settings.key_prefix + "\" must begin with / and not end with it";
	if (settings.serial.empty())
		return "witness: this member has no serial";
	if (settings.ttl < std::chrono::seconds{1} || settings.ttl > std::chrono::hours{1})
		return "witness: the time of a lease must be from 1 second to 1 hour";
	if (settings.timeout <= std::chrono::milliseconds{0})
		return "witness: the time limit of a request must be more than 0";
	if (settings.certificate_file.empty() != settings.key_file.empty())
		return "witness: a client certificate needs both its certificate file and its key file";
	return "";
}

} // namespace

class Witness::Impl {
public:
	Impl(WitnessSettings settings, Report report) : m_settings(std::move(settings)), m_report(std::move(report)) {}
	~Impl();

	bool start(std::string &error);
	void want(std::uint8_t vcluster, bool wanted);
	bool wait_released(std::chrono::milliseconds limit);
	WitnessStatus status() const;

private:
	struct Cluster {
		LeaseKeeper keeper;
		asio::steady_timer timer;
		std::optional<WitnessReport> reported{};
		std::uint64_t wishes = 0;
	};
	struct Hold {
		core::Time held_until{};
		bool at_rest = true;
	};

	bool load_certificates(std::string &error);
	Cluster &cluster_of(std::uint8_t vcluster);
	void step(std::uint8_t vcluster, const LeaseEvent &event);
	void send(std::uint8_t vcluster, const LeaseRequest &request);
	void note(std::size_t endpoint, const std::string &error, core::Duration latency);
	void publish(std::uint8_t vcluster, Cluster &cluster);
	[[nodiscard]] std::string key_of(std::uint8_t vcluster) const
	{
		return m_settings.key_prefix + "/vcluster-" + std::to_string(vcluster) + "/primary";
	}

	const WitnessSettings m_settings;
	const Report m_report;
	std::vector<WitnessEndpoint> m_endpoints;
	asio::ssl::context m_tls{asio::ssl::context::tls_client};
	asio::io_context m_io{1};
	std::map<std::uint8_t, Cluster> m_clusters; // of the witness thread
	std::thread m_thread;

	mutable std::mutex m_mutex; // guards what follows, never held while anything waits
	std::condition_variable m_changed;
	WitnessStatus m_status;
	std::map<std::uint8_t, Hold> m_holds;
	std::size_t m_wishes = 0; // posted, not yet seen by the thread
};

Witness::Impl::~Impl()
{
	m_io.stop();
	if (m_thread.joinable())
		m_thread.join();
}

bool Witness::Impl::start(std::string &error)
{
	error = refusal_of(m_settings);
	if (!error.empty())
		return false;
	for (const std::string &url : m_settings.endpoints) {
		std::optional<WitnessEndpoint> endpoint = parse_endpoint(url, error);
		if (!endpoint)
			return false;
		m_endpoints.push_back(std::move(*endpoint));
		m_status.endpoints.emplace_back().url = url;
	}
	if (!load_certificates(error))
		return false;
	// Signals are the control thread's.
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	m_thread = std::thread([this] {
		pthread_setname_np(pthread_self(), "systole-witness");
		const auto work = asio::make_work_guard(m_io);
		m_io.run();
	});
	pthread_sigmask(SIG_SETMASK, &before, nullptr);
	return true;
}

bool Witness::Impl::load_certificates(std::string &error)
{
	const bool any_tls = std::any_of(m_endpoints.begin(), m_endpoints.end(), [](const auto &e) { return e.tls; });
	if (!any_tls) {
		if (!m_settings.ca_file.empty() || !m_settings.certificate_file.empty()) {
			error = "witness: certificates are given, but every endpoint is http://; write https:// to use "
				"them";
			return false;
		}
		return true;
	}
	const auto failed = [&error](const std::string &what, const std::string &file,
				     const boost::system::error_code &why) {
		if (!why)
			return false;
		error = "witness: " + what + (file.empty() ? "" : " " + file) + ": " + why.message();
		return true;
	};
	boost::system::error_code why;
	m_tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
	m_tls.set_verify_mode(asio::ssl::verify_peer);
	if (m_settings.ca_file.empty())
		m_tls.set_default_verify_paths(why);
	else
		m_tls.load_verify_file(m_settings.ca_file, why);
	if (failed("CA certificates", m_settings.ca_file, why))
		return false;
	if (m_settings.certificate_file.empty())
		return true;
	m_tls.use_certificate_chain_file(m_settings.certificate_file, why);
	if (failed("client certificate", m_settings.certificate_file, why))
		return false;
	m_tls.use_private_key_file(m_settings.key_file, asio::ssl::context::pem, why);
	return !failed("key of the client certificate", m_settings.key_file, why);
}

void Witness::Impl::want(std::uint8_t vcluster, bool wanted)
{
	{
		const std::lock_guard lock{m_mutex};
		++m_wishes;
	}
	asio::post(m_io, [this, vcluster, wanted] {
		++cluster_of(vcluster).wishes;
		step(vcluster, LeaseWanted{wanted});
		const std::lock_guard lock{m_mutex};
		--m_wishes;
		m_changed.notify_all();
	});
}

bool Witness::Impl::wait_released(std::chrono::milliseconds limit)
{
	std::unique_lock lock{m_mutex};
	return m_changed.wait_for(lock, limit, [this] {
		return m_wishes == 0 && std::all_of(m_holds.begin(), m_holds.end(),
						    [](const auto &hold) { return hold.second.at_rest; });
	});
}

WitnessStatus Witness::Impl::status() const
{
	const std::lock_guard lock{m_mutex};
	WitnessStatus status = m_status;
	const core::Time time = now();
	for (const auto &[vcluster, hold] : m_holds) {
		if (time < hold.held_until)
			status.held.push_back({
				.vcluster = vcluster,
				.remaining =
					std::chrono::duration_cast<std::chrono::milliseconds>(hold.held_until - time),
			});
	}
	return status;
}

Witness::Impl::Cluster &Witness::Impl::cluster_of(std::uint8_t vcluster)
{
	const auto found = m_clusters.find(vcluster);
	if (found != m_clusters.end())
		return found->second;
	LeaseKeeperSettings settings{
		.endpoints = m_endpoints.size(),
		.serial = m_settings.serial,
		.ttl = std::chrono::ceil<std::chrono::seconds>(m_settings.ttl),
		.timeout = m_settings.timeout,
		.jitter_seed = std::random_device{}(),
	};
	return m_clusters
		.try_emplace(vcluster,
			     Cluster{.keeper = LeaseKeeper{std::move(settings)}, .timer = asio::steady_timer{m_io}})
		.first->second;
}

// Time is read before a request is sent, and before a report says "holding".
void Witness::Impl::step(std::uint8_t vcluster, const LeaseEvent &event)
{
	Cluster &cluster = cluster_of(vcluster);
	const std::optional<LeaseRequest> request = cluster.keeper.step(now(), event);
	publish(vcluster, cluster);
	if (request)
		send(vcluster, *request);
	const core::Time due = cluster.keeper.next_due();
	cluster.timer.expires_at(SteadyClock::time_point{due.time_since_epoch()});
	cluster.timer.async_wait([this, vcluster](const boost::system::error_code &cancelled) {
		if (!cancelled)
			step(vcluster, LeaseTick{});
	});
}

void Witness::Impl::send(std::uint8_t vcluster, const LeaseRequest &request)
{
	HttpPost post{
		.endpoint = m_endpoints[request.endpoint],
		.path = std::string(gateway_path(request.ask)),
		.body = gateway_body(request, key_of(vcluster), m_settings.serial),
		.timeout = request.timeout,
	};
	http_post(m_io, m_tls, std::move(post), [this, vcluster, request, sent = now()](const HttpReply &reply) {
		LeaseAnswer answer{.request = request.id, .error = reply.error};
		if (reply.error.empty())
			answer = gateway_answer(request, reply.status, reply.body);
		note(request.endpoint, answer.error, now() - sent);
		if (!answer.error.empty())
			answer.error = m_endpoints[request.endpoint].url + ": " + answer.error;
		step(vcluster, answer);
	});
}

void Witness::Impl::note(std::size_t endpoint, const std::string &error, core::Duration latency)
{
	const std::lock_guard lock{m_mutex};
	WitnessStatus::Endpoint &status = m_status.endpoints[endpoint];
	status.asked = true;
	status.reachable = error.empty();
	status.error = error;
	if (error.empty())
		status.latency = latency;
}

void Witness::Impl::publish(std::uint8_t vcluster, Cluster &cluster)
{
	LeaseView view = cluster.keeper.view(now());
	{
		const std::lock_guard lock{m_mutex};
		m_holds[vcluster] = {
			.held_until = view.holding ? view.held_until : core::Time{},
			.at_rest = cluster.keeper.at_rest(),
		};
		if (cluster.keeper.granted() > std::chrono::seconds{0})
			m_status.ttl_granted = cluster.keeper.granted();
		m_changed.notify_all();
	}
	WitnessReport report{
		.vcluster = vcluster,
		.wishes = cluster.wishes,
		.reachable = view.reachable,
		.holding = view.holding,
		.held_until = view.held_until,
		.holder = std::move(view.holder),
		.error = std::move(view.error),
	};
	if (report == cluster.reported)
		return;
	cluster.reported = report;
	m_report(report);
}

Witness::Witness(WitnessSettings settings, Report report)
    : m_impl(std::make_unique<Impl>(std::move(settings), std::move(report)))
{
}

Witness::~Witness() = default;

bool Witness::start(std::string &error)
{
	return m_impl->start(error);
}

void Witness::want(std::uint8_t vcluster, bool wanted)
{
	m_impl->want(vcluster, wanted);
}

bool Witness::wait_released(std::chrono::milliseconds limit)
{
	return m_impl->wait_released(limit);
}

WitnessStatus Witness::status() const
{
	return m_impl->status();
}

} // namespace systole::control
