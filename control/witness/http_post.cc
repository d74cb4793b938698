// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/http_post.h"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

namespace systole::control {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using boost::system::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Done = std::function<void(HttpReply)>;

constexpr std::size_t body_limit = 64U << 10; // etcd's answers have some hundred bytes

// connect -> (handshake) -> write -> read -> done; the first that fails ends it. Its handlers keep it alive.
template <typename Stream> class Exchange : public std::enable_shared_from_this<Exchange<Stream>> {
public:
	template <typename... StreamArguments>
	Exchange(HttpPost post, Done done, StreamArguments &...arguments)
	    : m_stream(arguments...), m_post(std::move(post)), m_done(std::move(done)), m_buffer(body_limit)
	{
		m_parser.body_limit(body_limit);
	}

	void start()
	{
		beast::get_lowest_layer(m_stream).expires_after(m_post.timeout); // of everything that follows
		beast::get_lowest_layer(m_stream).async_connect(m_post.endpoint.address, then(&Exchange::secure));
	}

private:
	auto then(void (Exchange::*next)())
	{
		return [self = this->shared_from_this(), next](const error_code &failed, auto &&...) {
			if (failed)
				self->end(failed);
			else
				((*self).*next)();
		};
	}
	void secure()
	{
		if constexpr (std::is_same_v<Stream, TlsStream>) {
			// Of an address this asks for an IP: among the subjectAltNames.
			m_stream.set_verify_callback(
				asio::ssl::host_name_verification(m_post.endpoint.address.address().to_string()));
			m_stream.async_handshake(asio::ssl::stream_base::client, then(&Exchange::write));
		} else {
			write();
		}
	}
	void write()
	{
		m_request = {http::verb::post, m_post.path, 11};
		m_request.set(http::field::host, m_post.endpoint.host());
		m_request.set(http::field::content_type, "application/json");
		m_request.set(http::field::connection, "close");
		m_request.body() = m_post.body;
		m_request.prepare_payload();
		http::async_write(m_stream, m_request, then(&Exchange::read));
	}
	void read() { http::async_read(m_stream, m_buffer, m_parser, then(&Exchange::succeed)); }
	// No close_notify of TLS is awaited: HTTP told the length.
	void succeed()
	{
		HttpReply reply;
		reply.status = m_parser.get().result_int();
		reply.body = std::move(m_parser.get().body());
		m_done(std::move(reply));
	}
	void end(const error_code &failed)
	{
		const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(m_post.timeout).count();
		HttpReply reply;
		reply.error = failed == beast::error::timeout ? "no answer within " + std::to_string(limit) + " ms"
							      : failed.message();
		m_done(std::move(reply));
	}

	Stream m_stream;
	HttpPost m_post;
	Done m_done;
	http::request<http::string_body> m_request;
	beast::flat_buffer m_buffer;
	http::response_parser<http::string_body> m_parser;
};

} // namespace

void http_post(asio::io_context &io, asio::ssl::context &tls, HttpPost post, Done done)
{
	if (post.endpoint.tls)
		std::make_shared<Exchange<TlsStream>>(std::move(post), std::move(done), io, tls)->start();
	else
		std::make_shared<Exchange<PlainStream>>(std::move(post), std::move(done), io)->start();
}

} // namespace systole::control
