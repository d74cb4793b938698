// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// HTTP and HTTPS.
#include "control/probe/http_prober.h"

#include "control/probe/session_prober.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <type_traits>

namespace systole::control {

namespace {

namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::asio::ip::tcp;
using boost::system::error_code;
using PlainStream = tcp::socket;
using TlsStream = ssl::stream<tcp::socket>;

constexpr std::uint64_t most_body = 1U << 20;
constexpr std::uint32_t most_header = 64U << 10;

std::string host_of(const ProbeTarget &target, std::uint16_t usual_port)
{
	error_code not_literal;
	const auto literal = boost::asio::ip::make_address(target.name, not_literal);
	std::string host = !not_literal && literal.is_v6() ? "[" + target.name + "]" : target.name;
	if (target.port != usual_port)
		host += ":" + std::to_string(target.port);
	return host;
}

template <typename Stream>
class HttpSession final : public ProbeSession, public std::enable_shared_from_this<HttpSession<Stream>> {
	static constexpr bool is_tls = std::is_same_v<Stream, TlsStream>;

public:
	template <typename... Arguments>
	HttpSession(const ProbeTarget &target, Ended ended, Arguments &&...arguments)
	    : ProbeSession(std::move(ended)), m_target(target), m_stream(std::forward<Arguments>(arguments)...)
	{
		m_request.version(11);
		m_request.method(http::verb::get);
		m_request.target(target.http_get.starts_with('/') ? target.http_get : "/" + target.http_get);
		m_request.set(http::field::host, host_of(target, is_tls ? 443 : 80));
		if (!target.http_agent.empty())
			m_request.set(http::field::user_agent, target.http_agent);
		m_request.set(http::field::connection, "close");
		m_answer.body_limit(most_body);
		m_answer.header_limit(most_header);
	}

	void start() override
	{
		if (const std::string error = open_stream(socket(), m_target); !error.empty())
			return fail(error);
		enter("still connecting");
		socket().async_connect(
			{scoped_address(m_target), m_target.port},
			[self = this->shared_from_this()](const error_code &error) { self->connected(error); });
	}

private:
	tcp::socket &socket()
	{
		if constexpr (is_tls)
			return m_stream.next_layer();
		else
			return m_stream;
	}
	void close_socket() override
	{
		error_code ignored;
		socket().close(ignored);
	}
	void connected(const error_code &error)
	{
		if (is_over())
			return;
		if (error)
			return fail("connecting: " + error.message());
		if constexpr (is_tls) {
			error_code not_literal;
			(void)boost::asio::ip::make_address(m_target.name, not_literal);
			if (not_literal) // RFC 6066: names only;				// the macro for this has a C cast
				SSL_ctrl(m_stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
					 TLSEXT_NAMETYPE_host_name, m_target.name.data());
			enter("connected, in the TLS handshake");
			m_stream.async_handshake(ssl::stream_base::client,
						 [self = this->shared_from_this()](const error_code &failed) {
							 if (failed)
								 self->fail("TLS handshake: " + failed.message());
							 else
								 self->ask();
						 });
		} else {
			ask();
		}
	}
	void ask()
	{
		if (is_over())
			return;
		enter("connected, waiting for the answer");
		http::async_write(m_stream, m_request,
				  [self = this->shared_from_this()](const error_code &error, std::size_t) {
					  if (error)
						  self->fail("sending: " + error.message());
					  else
						  self->read();
				  });
	}
	void read()
	{
		if (is_over())
			return;
		const auto heard = [self = this->shared_from_this()](const error_code &error, std::size_t) {
			self->heard(error);
		};
		if (m_target.http_match.empty())
			http::async_read_header(m_stream, m_buffer, m_answer, heard);
		else
			http::async_read(m_stream, m_buffer, m_answer, heard);
	}
	void heard(const error_code &error)
	{
		// Many servers end a TLS connection without saying so; what they sent before is an answer all the same.
		if (error && !(error == ssl::error::stream_truncated && m_answer.is_header_done()))
			return fail("reading the answer: " + error.message());
		const auto &answer = m_answer.get();
		if (answer.result_int() < 200 || answer.result_int() > 399)
			return fail("the answer is " + std::to_string(answer.result_int()) + " " +
				    std::string(answer.reason()));
		if (!m_target.http_match.empty() && answer.body().find(m_target.http_match) == std::string::npos)
			return fail("the answer does not hold the text of http-match");
		succeed();
	}

	ProbeTarget m_target;
	Stream m_stream;
	http::request<http::empty_body> m_request;
	http::response_parser<http::string_body> m_answer;
	boost::beast::flat_buffer m_buffer;
};

} // namespace

ssl::context make_probe_tls()
{
	ssl::context context(ssl::context::tls_client);
	context.set_verify_mode(ssl::verify_none);
	SSL_CTX_set_security_level(context.native_handle(), 0);
	SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_VERSION);
	return context;
}

std::unique_ptr<Prober> make_http_prober(boost::asio::io_context &io, ssl::context *tls, const ProbeTarget &target,
					 ProbeDone done)
{
	return std::make_unique<SessionProber>(
		[&io, tls, target](std::uint64_t, ProbeSession::Ended ended) -> std::shared_ptr<ProbeSession> {
			if (tls == nullptr)
				return std::make_shared<HttpSession<PlainStream>>(target, std::move(ended), io);
			return std::make_shared<HttpSession<TlsStream>>(target, std::move(ended), io, *tls);
		},
		std::move(done));
}

} // namespace systole::control
