// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/server.h"

#include "control/api/commands.h"
#include "control/json_line.h"
#include "control/log.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <utility>

namespace systole::control {

namespace {

using boost::system::error_code;
using Protocol = boost::asio::local::stream_protocol;

constexpr std::chrono::milliseconds accept_pause{100}; // after EMFILE and its like
constexpr std::chrono::milliseconds outcome_poll{2};
constexpr mode_t closed_to_others = 0117; // umask of a 0660 socket

} // namespace

class ApiServer::Impl : public std::enable_shared_from_this<Impl> {
public:
	Impl(boost::asio::io_context &io, ApiBackend &backend, const ApiLimits &limits, const AccessGroups &groups)
	    : m_backend(backend), m_limits(limits), m_groups(groups), m_acceptor(io), m_pause(io)
	{
	}

	bool start(const std::string &path, std::string &error);
	void stop();
	void publish(const std::string &line);

	// One client.
	class Session : public std::enable_shared_from_this<Session> {
	public:
		Session(Impl &server, Protocol::socket socket, Access access)
		    : m_server(server.shared_from_this()), m_socket(std::move(socket)), m_access(access),
		      m_timer(m_socket.get_executor())
		{
		}
		void start() { next(); }
		void close();
		void send(std::string line);
		[[nodiscard]] bool follows() const { return m_follows; }

	private:
		void next();
		void read();
		void on_read(const error_code &failed, std::size_t n);
		void handle(std::string_view request);
		void wait_for(std::function<std::optional<boost::json::object>()> outcome);
		void write();
		void evict();
		void arm(std::chrono::milliseconds limit);

		std::shared_ptr<Impl> m_server;
		Protocol::socket m_socket;
		const Access m_access;
		boost::asio::steady_timer m_timer;
		std::array<char, 4096> m_chunk{};
		std::string m_input;
		std::size_t m_searched = 0; // of m_input, no newline before it
		std::string m_waiting;      // to be sent after m_sending
		std::string m_sending;
		bool m_reading = false;
		bool m_follows = false;
		bool m_last = false; // close when everything is sent
		bool m_closed = false;
	};

	ApiBackend &m_backend;
	const ApiLimits m_limits;
	const AccessGroups m_groups;
	std::set<std::shared_ptr<Session>> m_sessions;
	std::uint64_t m_refused = 0;
	std::uint64_t m_evicted = 0;
	std::uint64_t m_denied = 0;

private:
	void accept();
	void admit(Protocol::socket socket);
	void turn_away(Protocol::socket &socket, const boost::json::object &error) const;
	[[nodiscard]] Access access_over(Protocol::socket &socket);

	Protocol::acceptor m_acceptor;
	boost::asio::steady_timer m_pause;
	LogRateLimit m_rate;
	std::string m_path;
};

bool ApiServer::Impl::start(const std::string &path, std::string &error)
{
	if (path.size() >= sizeof(sockaddr_un::sun_path)) {
		error = "the path of the control socket is too long: " + path;
		return false;
	}
	struct stat info {};
	if (lstat(path.c_str(), &info) == 0) {
		if (!S_ISSOCK(info.st_mode)) {
			error = "cannot listen at " + path + ": something that is no socket is there; remove it";
			return false;
		}
		unlink(path.c_str());
	}
	error_code failed;
	m_acceptor.open(Protocol(), failed);
	if (!failed) {
		const mode_t before = umask(closed_to_others);
		m_acceptor.bind(Protocol::endpoint(path), failed);
		umask(before);
	}
	if (!failed)
		m_acceptor.listen(boost::asio::socket_base::max_listen_connections, failed);
	if (failed) {
		error = "cannot listen at " + path + ": " + failed.message();
		m_acceptor.close(failed);
		return false;
	}
	m_path = path;
	constexpr mode_t directory_mode = 0750;
	constexpr mode_t socket_mode = 0660;
	if (!open_to_groups(path.substr(0, path.rfind('/')), m_groups, directory_mode, error) ||
	    !open_to_groups(path, m_groups, socket_mode, error)) {
		m_acceptor.close(failed);
		return false;
	}
	accept();
	return true;
}

void ApiServer::Impl::stop()
{
	error_code ignored;
	m_acceptor.close(ignored);
	m_pause.cancel();
	for (const auto sessions = std::exchange(m_sessions, {}); const auto &session : sessions)
		session->close();
	if (!m_path.empty())
		unlink(std::exchange(m_path, {}).c_str());
}

void ApiServer::Impl::accept()
{
	m_acceptor.async_accept([self = shared_from_this()](const error_code &failed, Protocol::socket socket) {
		if (!self->m_acceptor.is_open())
			return;
		if (!failed) {
			self->admit(std::move(socket));
			self->accept();
			return;
		}
		self->m_pause.expires_after(accept_pause); // out of descriptors: trying again at once would spin
		self->m_pause.async_wait([self](const error_code &stopped) {
			if (!stopped && self->m_acceptor.is_open())
				self->accept();
		});
	});
}

// Says why in one line, as far as the socket takes it.
void ApiServer::Impl::turn_away(Protocol::socket &socket, const boost::json::object &error) const
{
	const std::string line = json_line(error) + "\n";
	error_code ignored;
	socket.non_blocking(true, ignored);
	socket.send(boost::asio::buffer(line), 0, ignored);
}

Access ApiServer::Impl::access_over(Protocol::socket &socket)
{
	const auto peer = peer_of(socket.native_handle());
	const Access access = peer ? access_of(*peer, geteuid(), m_groups) : Access::none;
	if (access == Access::none) {
		++m_denied;
		m_rate.line(
			LogApp::api, LogLevel::warning, "denied", std::chrono::steady_clock::now().time_since_epoch(),
			fmt::format("the control socket was opened by user {}, who is in neither of its groups: turned "
				    "away",
				    peer ? std::to_string(peer->uid) : "unknown"));
	}
	return access;
}

void ApiServer::Impl::admit(Protocol::socket socket)
{
	const Access access = access_over(socket);
	if (access == Access::none) {
		turn_away(socket, api_error("no-access", "you may not use this control socket",
					    "run as root, or as a member of the group of systoled --read-group or "
					    "--write-group"));
		return;
	}
	if (m_sessions.size() >= m_limits.clients) {
		++m_refused;
		turn_away(socket, api_error("busy", "too many clients of the control socket",
					    "close some, or try again in a moment"));
		return;
	}
	const auto session = std::make_shared<Session>(*this, std::move(socket), access);
	m_sessions.insert(session);
	session->start();
}

void ApiServer::Impl::publish(const std::string &line)
{
	for (const auto sessions = m_sessions; const auto &session : sessions) // a copy: sending may end a session
		if (session->follows())
			session->send(line);
}

// ---------------------------------------------------------------- one client

void ApiServer::Impl::Session::close()
{
	if (std::exchange(m_closed, true))
		return;
	error_code ignored;
	m_timer.cancel();
	m_socket.close(ignored);
	m_server->m_sessions.erase(shared_from_this());
}

void ApiServer::Impl::Session::evict()
{
	++m_server->m_evicted;
	close();
}

void ApiServer::Impl::Session::arm(std::chrono::milliseconds limit)
{
	m_timer.expires_after(limit);
	m_timer.async_wait([self = shared_from_this()](const error_code &stopped) {
		if (!stopped && self->m_timer.expiry() <= boost::asio::steady_timer::clock_type::now())
			self->evict();
	});
}

// The next request if a whole one is there, else more input.
void ApiServer::Impl::Session::next()
{
	if (m_closed || m_follows || !m_sending.empty())
		return;
	const std::size_t end = m_input.find('\n', m_searched);
	const std::size_t length = end == std::string::npos ? m_input.size() : end;
	if (length > m_server->m_limits.request_bytes) {
		++m_server->m_evicted;
		m_last = true;
		send(json_line(
			api_error("too-long", "the request line is too long", "a request is a line of a few words")));
		return;
	}
	if (end == std::string::npos) {
		m_searched = m_input.size();
		arm(m_server->m_limits.idle);
		read();
		return;
	}
	const std::string request = m_input.substr(0, end);
	m_input.erase(0, end + 1);
	m_searched = 0;
	handle(request);
}

void ApiServer::Impl::Session::read()
{
	if (std::exchange(m_reading, true))
		return;
	m_socket.async_read_some(boost::asio::buffer(m_chunk),
				 [self = shared_from_this()](const error_code &failed, std::size_t n) {
					 self->m_reading = false;
					 self->on_read(failed, n);
				 });
}

void ApiServer::Impl::Session::on_read(const error_code &failed, std::size_t n)
{
	if (m_closed)
		return;
	if (failed) {
		close();
		return;
	}
	if (m_follows) { // whatever it says: we only look for its end
		read();
		return;
	}
	m_input.append(m_chunk.data(), n);
	next();
}

void ApiServer::Impl::Session::handle(std::string_view request)
{
	ApiReply reply = answer(m_server->m_backend, request, m_access);
	if (reply.denied)
		++m_server->m_denied;
	if (reply.kind == ApiReply::Kind::object) {
		send(json_line(reply.body));
		return;
	}
	if (reply.kind == ApiReply::Kind::later) {
		wait_for(std::move(reply.outcome));
		return;
	}
	m_follows = reply.kind == ApiReply::Kind::follow;
	m_last = !m_follows;
	std::string lines;
	for (const boost::json::object &event : m_server->m_backend.history().entries())
		lines += json_line(event) + "\n";
	if (!lines.empty()) {
		lines.pop_back();
		send(std::move(lines));
	} else if (m_last) {
		close();
		return;
	} else {
		m_timer.cancel(); // a follower may wait as long as it likes
	}
	if (m_follows)
		read();
}

void ApiServer::Impl::Session::wait_for(std::function<std::optional<boost::json::object>()> outcome)
{
	if (const auto body = outcome()) {
		send(json_line(*body));
		return;
	}
	m_timer.expires_after(outcome_poll);
	m_timer.async_wait([self = shared_from_this(), outcome = std::move(outcome)](const error_code &stopped) {
		if (!stopped && !self->m_closed)
			self->wait_for(outcome);
	});
}

void ApiServer::Impl::Session::send(std::string line)
{
	if (m_closed)
		return;
	if (m_waiting.size() > m_server->m_limits.waiting_bytes) {
		evict();
		return;
	}
	m_waiting += line;
	m_waiting += '\n';
	write();
}

void ApiServer::Impl::Session::write()
{
	if (!m_sending.empty() || m_waiting.empty())
		return;
	m_sending.swap(m_waiting);
	arm(m_server->m_limits.stalled);
	boost::asio::async_write(m_socket, boost::asio::buffer(m_sending),
				 [self = shared_from_this()](const error_code &failed, std::size_t) {
					 if (self->m_closed)
						 return;
					 if (failed) {
						 self->close();
						 return;
					 }
					 self->m_sending.clear();
					 self->m_timer.cancel();
					 if (!self->m_waiting.empty())
						 self->write();
					 else if (self->m_last)
						 self->close();
					 else
						 self->next();
				 });
}

// ---------------------------------------------------------------- the server as others see it

ApiServer::ApiServer(boost::asio::io_context &io, ApiBackend &backend, const ApiLimits &limits,
		     const AccessGroups &groups)
    : m_impl(std::make_shared<Impl>(io, backend, limits, groups))
{
}

ApiServer::~ApiServer()
{
	stop();
}

bool ApiServer::start(const std::string &path, std::string &error)
{
	return m_impl->start(path, error);
}

void ApiServer::stop()
{
	m_impl->stop();
}

void ApiServer::publish(const boost::json::object &event)
{
	m_impl->publish(json_line(event));
}

std::size_t ApiServer::clients() const
{
	return m_impl->m_sessions.size();
}

std::uint64_t ApiServer::refused() const
{
	return m_impl->m_refused;
}

std::uint64_t ApiServer::denied() const
{
	return m_impl->m_denied;
}

std::uint64_t ApiServer::evicted() const
{
	return m_impl->m_evicted;
}

} // namespace systole::control
