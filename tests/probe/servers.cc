// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Servers for probes.
#include "tests/probe/servers.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace systole::control::test {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

namespace {

void put(Octets &out, std::size_t at, std::uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; ++i)
		out[at + i] = static_cast<std::uint8_t>(value >> (8 * (octets - 1 - i)));
}

std::uint64_t ntp(std::chrono::system_clock::time_point at)
{
	const auto ns = std::chrono::nanoseconds(at.time_since_epoch()).count();
	return (static_cast<std::uint64_t>(ns / 1'000'000'000) + 2208988800U) << 32 |
	       (static_cast<std::uint64_t>(ns % 1'000'000'000) << 32) / 1'000'000'000;
}

} // namespace

UdpServer::UdpServer(ServerLoop &loop, const std::string &address, Answer answer, std::uint16_t port)
    : m_socket(loop.io, udp::endpoint(boost::asio::ip::make_address(address), port)),
      m_port(m_socket.local_endpoint().port()), m_answer(std::move(answer))
{
	receive();
}

void UdpServer::receive()
{
	m_socket.async_receive_from(
		boost::asio::buffer(m_buffer), m_from, [this](const error_code &error, std::size_t length) {
			if (error == boost::asio::error::operation_aborted)
				return;
			if (!error && !silent.load()) {
				const auto reply = m_answer(
					{m_buffer.begin(), m_buffer.begin() + static_cast<std::ptrdiff_t>(length)});
				if (reply)
					send(*reply, m_from);
			}
			receive();
		});
}

void UdpServer::send(const Octets &datagram, const udp::endpoint &to)
{
	auto timer = std::make_shared<boost::asio::steady_timer>(m_socket.get_executor(), delay.load());
	timer->async_wait([this, timer, datagram, to](const error_code &) {
		error_code ignored;
		m_socket.send_to(boost::asio::buffer(datagram), to, 0, ignored);
	});
}

std::optional<Octets> echo(const Octets &request)
{
	return request;
}

UdpServer::Answer twamp_reflector(std::chrono::milliseconds inside)
{
	return [inside, sequence = std::uint64_t{0}](const Octets &request) mutable -> std::optional<Octets> {
		const auto received = std::chrono::system_clock::now();
		std::this_thread::sleep_for(inside);
		Octets reply(std::max<std::size_t>(request.size(), 41));
		put(reply, 0, sequence++, 4);
		put(reply, 12, 1, 2);
		put(reply, 16, ntp(received), 8);
		std::copy_n(request.begin(), 14, reply.begin() + 24);
		reply[40] = 255;
		put(reply, 4, ntp(std::chrono::system_clock::now()), 8);
		return reply;
	};
}

UdpServer::Answer name_server(NameTable &table)
{
	return [&table](const Octets &question) -> std::optional<Octets> {
		++table.asked;
		// The question up to its end, without the additional records c-ares may add.
		std::size_t end = 12;
		while (end < question.size() && question[end] != 0)
			end += question[end] + 1U;
		end += 5;
		if (question.size() < end)
			return std::nullopt;
		Octets reply(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
		const bool is_a = reply[end - 3] == 1;
		const bool found = table.exists.load() && is_a;
		put(reply, 2, table.exists.load() ? 0x8180 : 0x8183, 2);
		put(reply, 6, found ? 1 : 0, 2);
		put(reply, 8, 0, 4);
		if (found) {
			const std::size_t at = reply.size();
			reply.resize(at + 16);
			put(reply, at, 0xc00c, 2);
			put(reply, at + 2, 1, 2);
			put(reply, at + 4, 1, 2);
			put(reply, at + 6, 0, 4);
			put(reply, at + 10, 4, 2);
			put(reply, at + 12, table.address.load(), 4);
		}
		return reply;
	};
}

namespace {

class TcpGuest : public std::enable_shared_from_this<TcpGuest> {
public:
	TcpGuest(tcp::socket socket, TcpManner manner) : m_socket(std::move(socket)), m_manner(manner) {}
	void serve()
	{
		m_socket.async_read_some(boost::asio::buffer(m_buffer),
					 [self = shared_from_this()](const error_code &error, std::size_t length) {
						 if (!error)
							 self->answer(length);
					 });
	}

private:
	void answer(std::size_t length)
	{
		error_code ignored;
		if (m_manner == TcpManner::reset) {
			m_socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
			m_socket.close(ignored);
			return;
		}
		if (m_manner == TcpManner::garbage)
			std::fill(m_buffer.begin(), m_buffer.end(), std::uint8_t{'x'});
		if (m_manner != TcpManner::silent)
			boost::asio::write(m_socket, boost::asio::buffer(m_buffer, length), ignored);
		serve();
	}
	tcp::socket m_socket;
	TcpManner m_manner;
	std::array<std::uint8_t, 1024> m_buffer{};
};

} // namespace

TcpServer::TcpServer(ServerLoop &loop, const std::string &address, TcpManner manner)
    : m_acceptor(loop.io, tcp::endpoint(boost::asio::ip::make_address(address), 0)),
      m_port(m_acceptor.local_endpoint().port()), m_manner(manner)
{
	accept();
}

void TcpServer::accept()
{
	m_acceptor.async_accept([this](const error_code &error, tcp::socket socket) {
		if (error == boost::asio::error::operation_aborted)
			return;
		if (!error)
			std::make_shared<TcpGuest>(std::move(socket), m_manner)->serve();
		accept();
	});
}

struct HttpServer::Words {
	std::mutex mutex;
	std::string answer;
	std::string asked;
};

namespace {

template <typename Stream, typename Words>
class HttpGuest : public std::enable_shared_from_this<HttpGuest<Stream, Words>> {
public:
	template <typename... Arguments>
	explicit HttpGuest(std::shared_ptr<Words> words, Arguments &&...arguments)
	    : m_words(std::move(words)), m_stream(std::forward<Arguments>(arguments)...)
	{
	}
	void serve()
	{
		if constexpr (std::is_same_v<Stream, tcp::socket>)
			read();
		else
			m_stream.async_handshake(boost::asio::ssl::stream_base::server,
						 [self = this->shared_from_this()](const error_code &error) {
							 if (!error)
								 self->read();
						 });
	}

private:
	void read()
	{
		boost::asio::async_read_until(m_stream, m_request, "\r\n\r\n",
					      [self = this->shared_from_this()](const error_code &error, std::size_t) {
						      if (!error)
							      self->answer();
					      });
	}
	void answer()
	{
		{
			const std::lock_guard lock(m_words->mutex);
			const auto data = m_request.data();
			m_words->asked.assign(boost::asio::buffers_begin(data), boost::asio::buffers_end(data));
			m_answer = m_words->answer;
		}
		boost::asio::async_write(m_stream, boost::asio::buffer(m_answer),
					 [self = this->shared_from_this()](const error_code &, std::size_t) {});
	}
	std::shared_ptr<Words> m_words;
	Stream m_stream;
	boost::asio::streambuf m_request;
	std::string m_answer;
};

// Signed by nobody but itself, for another name, and expired: a liveness probe must not care.
void make_certificate(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	const std::string common_name = "somebody-else.example";
	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
				   reinterpret_cast<const unsigned char *>(common_name.c_str()), -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_sign(certificate, key, EVP_sha256());
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

} // namespace

HttpServer::HttpServer(ServerLoop &loop, const std::string &address, bool tls)
    : m_tls(boost::asio::ssl::context::tls_server), m_is_tls(tls),
      m_acceptor(loop.io, tcp::endpoint(boost::asio::ip::make_address(address), 0)),
      m_port(m_acceptor.local_endpoint().port()), m_words(std::make_shared<Words>())
{
	if (tls)
		make_certificate(m_tls.native_handle());
	say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	accept();
}

void HttpServer::say(const std::string &answer)
{
	const std::lock_guard lock(m_words->mutex);
	m_words->answer = answer;
}

std::string HttpServer::asked() const
{
	const std::lock_guard lock(m_words->mutex);
	return m_words->asked;
}

void HttpServer::accept()
{
	m_acceptor.async_accept([this](const error_code &error, tcp::socket socket) {
		if (error == boost::asio::error::operation_aborted)
			return;
		if (!error && m_is_tls)
			std::make_shared<HttpGuest<boost::asio::ssl::stream<tcp::socket>, Words>>(
				m_words, std::move(socket), m_tls)
				->serve();
		else if (!error)
			std::make_shared<HttpGuest<tcp::socket, Words>>(m_words, std::move(socket))->serve();
		accept();
	});
}

} // namespace systole::control::test
