// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One question about one name, over c-ares.
#include "control/probe/name_lookup.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

namespace systole::control {

namespace {

using boost::asio::ip::address;

// 1 s and then 2 s for each server: a name server that is slower is of no use to a monitor.
constexpr int first_timeout_ms = 1000;
constexpr int tries = 2;

address address_of(const ares_addrinfo_node &node)
{
	if (node.ai_family == AF_INET6) {
		const auto *from = reinterpret_cast<const sockaddr_in6 *>(node.ai_addr);
		boost::asio::ip::address_v6::bytes_type bytes;
		std::copy_n(from->sin6_addr.s6_addr, bytes.size(), bytes.begin());
		return boost::asio::ip::make_address_v6(bytes);
	}
	const auto *from = reinterpret_cast<const sockaddr_in *>(node.ai_addr);
	return boost::asio::ip::make_address_v4(ntohl(from->sin_addr.s_addr));
}

} // namespace

// c-ares owns the sockets; we tell it when they are ready, and when its time has come.
class NameLookup::Question : public std::enable_shared_from_this<Question> {
public:
	Question(boost::asio::io_context &io, Done done) : m_io(io), m_timer(io), m_done(std::move(done)) {}
	~Question() { close(); }
	Question(const Question &) = delete;
	Question &operator=(const Question &) = delete;

	void ask(const std::string &name, bool v6, const std::string &servers)
	{
		ares_options options{};
		options.timeout = first_timeout_ms;
		options.tries = tries;
		options.sock_state_cb = [](void *self, ares_socket_t fd, int readable, int writable) {
			static_cast<Question *>(self)->watch(fd, readable != 0, writable != 0);
		};
		options.sock_state_cb_data = this;
		int status = ares_init_options(&m_channel, &options,
					       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
		if (status != ARES_SUCCESS) {
			m_channel = nullptr;
			return finish({}, ares_strerror(status));
		}
		if (!servers.empty())
			status = ares_set_servers_ports_csv(m_channel, servers.c_str());
		if (status != ARES_SUCCESS)
			return finish({}, ares_strerror(status));
		ares_addrinfo_hints hints{};
		hints.ai_family = v6 ? AF_INET6 : AF_INET;
		hints.ai_flags = ARES_AI_NOSORT;
		ares_getaddrinfo(
			m_channel, name.c_str(), nullptr, &hints,
			[](void *self, int result, int, ares_addrinfo *found) {
				static_cast<Question *>(self)->answered(result, found);
			},
			this);
		arm();
	}
	// Nothing is said after this.
	void close()
	{
		m_done = nullptr;
		m_timer.cancel();
		if (ares_channel channel = std::exchange(m_channel, nullptr))
			ares_destroy(channel); // gives its sockets back through watch()
	}

private:
	using Descriptor = boost::asio::posix::stream_descriptor;
	struct Watched {
		std::shared_ptr<Descriptor> descriptor;
		bool readable = false;
		bool writable = false;
	};

	void answered(int status, ares_addrinfo *found)
	{
		std::vector<address> addresses;
		if (status == ARES_SUCCESS)
			for (const ares_addrinfo_node *node = found->nodes; node != nullptr; node = node->ai_next)
				addresses.push_back(address_of(*node));
		if (found != nullptr)
			ares_freeaddrinfo(found);
		std::string error = status != ARES_SUCCESS ? ares_strerror(status)
				    : addresses.empty()    ? "it has no address of this family"
							   : "";
		finish(std::move(addresses), std::move(error));
	}
	// c-ares may be on the stack: the word is passed on later.
	void finish(std::vector<address> addresses, std::string error)
	{
		boost::asio::post(m_io, [weak = weak_from_this(), addresses = std::move(addresses),
					 error = std::move(error)]() mutable {
			const auto self = weak.lock();
			if (!self)
				return;
			if (const Done done = std::exchange(self->m_done, nullptr)) {
				self->close();
				done(std::move(addresses), std::move(error));
			}
		});
	}
	void watch(ares_socket_t fd, bool readable, bool writable)
	{
		if (!readable && !writable) {
			if (const auto found = m_watched.extract(fd); !found.empty())
				found.mapped().descriptor->release(); // c-ares closes it
			return;
		}
		Watched &watched = m_watched[fd];
		if (!watched.descriptor)
			watched.descriptor = std::make_shared<Descriptor>(m_io, fd);
		if (readable && !std::exchange(watched.readable, true))
			wait(fd, watched.descriptor, Descriptor::wait_read);
		if (writable && !std::exchange(watched.writable, true))
			wait(fd, watched.descriptor, Descriptor::wait_write);
		watched.readable = readable;
		watched.writable = writable;
	}
	void wait(ares_socket_t fd, const std::shared_ptr<Descriptor> &descriptor, Descriptor::wait_type what)
	{
		descriptor->async_wait(
			what, [weak = weak_from_this(), fd, descriptor, what](const boost::system::error_code &error) {
				const auto self = weak.lock();
				if (error || !self || self->m_channel == nullptr)
					return;
				const bool is_read = what == Descriptor::wait_read;
				ares_process_fd(self->m_channel, is_read ? fd : ARES_SOCKET_BAD,
						is_read ? ARES_SOCKET_BAD : fd);
				const auto found = self->m_watched.find(fd);
				if (found != self->m_watched.end() && found->second.descriptor == descriptor &&
				    (is_read ? found->second.readable : found->second.writable))
					self->wait(fd, descriptor, what);
				self->arm();
			});
	}
	void arm()
	{
		timeval longest{first_timeout_ms / 1000, 0};
		timeval due{};
		if (m_channel == nullptr || ares_timeout(m_channel, &longest, &due) == nullptr)
			return;
		m_timer.expires_after(std::chrono::seconds{due.tv_sec} + std::chrono::microseconds{due.tv_usec} +
				      std::chrono::milliseconds{1});
		m_timer.async_wait([weak = weak_from_this()](const boost::system::error_code &error) {
			const auto self = weak.lock();
			if (error || !self || self->m_channel == nullptr)
				return;
			ares_process_fd(self->m_channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
			self->arm();
		});
	}

	boost::asio::io_context &m_io;
	boost::asio::steady_timer m_timer;
	Done m_done;
	ares_channel m_channel = nullptr;
	std::map<ares_socket_t, Watched> m_watched;
};

NameLookup::NameLookup(boost::asio::io_context &io, std::string_view name, bool v6, const std::string &servers,
		       Done done)
    : m_question(std::make_shared<Question>(io, std::move(done)))
{
	m_question->ask(std::string(name), v6, servers);
}

NameLookup::~NameLookup()
{
	m_question->close();
}

} // namespace systole::control
