%% Crash to answering again, in Erlang/OTP: a gen_server under a one_for_one supervisor.
%%
%% escript crashes.erl N quiet|logged
%% prints the median, in microseconds, from the message that crashes the server to
%% its next answer. "logged" has OTP's usual three reports of a crash (the
%% gen_server's, proc_lib's, the supervisor's) formatted, and forgotten.
-module(crashes).
-mode(compile).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, start_server/0, log/2]).

main([Count, Report]) ->
    report(Report),
    process_flag(trap_exit, true),
    {ok, _} = supervisor:start_link(?MODULE, supervisor),
    pong = ask(),
    N = list_to_integer(Count),
    Taken = lists:sort([once() || _ <- lists:seq(1, N)]),
    Unit = erlang:convert_time_unit(1, second, native) / 1.0e6,
    io:format("~.3f~n", [lists:nth(N div 2 + 1, Taken) / Unit]),
    erlang:halt(0, [{flush, true}]).

report("quiet") ->
    logger:set_primary_config(level, none);
report("logged") ->
    _ = logger:remove_handler(default),
    ok = logger:add_handler(forgets, ?MODULE, #{formatter => {logger_formatter, #{}}}).

log(Event, #{formatter := {Formatter, Config}}) ->
    _ = Formatter:format(Event, Config),
    ok.

once() ->
    Began = erlang:monotonic_time(),
    gen_server:cast(server, fail),
    pong = ask(),
    erlang:monotonic_time() - Began.

%% The call fails while nobody is registered; then others run, and it is made again.
ask() ->
    try
        gen_server:call(server, ping)
    catch
        exit:_ -> erlang:yield(), ask()
    end.

start_server() ->
    gen_server:start_link({local, server}, ?MODULE, server, []).

init(supervisor) ->
    Flags = #{strategy => one_for_one, intensity => 1000000000, period => 1},
    {ok, {Flags, [#{id => server, start => {?MODULE, start_server, []}}]}};
init(server) ->
    {ok, none}.

handle_call(ping, _From, State) ->
    {reply, pong, State}.

handle_cast(fail, _State) ->
    erlang:error(fail).
