%% gen_tcp as a peer: active once and passive, as a client and as a server.
-module(tcp_peer).
-export([main/1]).

-define(OPTIONS, [binary, {packet, raw}, {active, false}, {nodelay, true}]).
%% For streams; where there are many connections, the default says what they cost.
-define(LARGE, [{buffer, 65536}]).
-define(PAYLOAD, <<0:512>>).

main(["echo-client", Mode, Connections, Address]) ->
    Clients = [start_echo_client(Mode, Address) || _ <- lists:seq(1, list_to_integer(Connections))],
    rounds:stand_by(fun(Milliseconds) ->
        End = erlang:monotonic_time(millisecond) + Milliseconds,
        [Client ! {round, self(), End} || Client <- Clients],
        lists:sum([receive {trips, Client, Trips} -> Trips end || Client <- Clients])
    end);
main(["echo-server", Mode | Path]) ->
    Listener = listen(Path),
    spawn(fun() -> accept(Listener, fun(Socket) -> serve_echo(Mode, Socket) end) end),
    rounds:serve_until_end();
main(["receive", Mode, Address]) ->
    Socket = connect(Address),
    ok = inet:setopts(Socket, ?LARGE),
    rounds:stand_by(fun(Milliseconds) ->
        rounds:until(Milliseconds, fun() -> byte_size(next(Mode, Socket)) end)
    end);
main(["send", Address]) ->
    Socket = connect(Address),
    ok = inet:setopts(Socket, ?LARGE),
    Piece = binary:copy(<<1>>, 65536),
    rounds:stand_by(fun(Milliseconds) ->
        rounds:until(Milliseconds, fun() -> ok = gen_tcp:send(Socket, Piece), 65536 end)
    end);
main(["connect", Address]) ->
    rounds:stand_by(fun(Milliseconds) ->
        rounds:until(Milliseconds, fun() ->
            Socket = connect(Address),
            ok = inet:setopts(Socket, [{linger, {true, 0}}]),
            ok = gen_tcp:close(Socket),
            1
        end)
    end);
main(["accept"]) ->
    Listener = listen([]),
    spawn(fun() -> accept(Listener, fun greet/1) end),
    rounds:serve_until_end();
main(["idle-connections", Count, Address]) ->
    Open = fun(N) -> [start_idle(Address) || _ <- lists:seq(1, N)] end,
    Open(100),
    Before = footprint(),
    Open(list_to_integer(Count)),
    After = footprint(),
    {HeapBefore, RssBefore} = Before,
    {HeapAfter, RssAfter} = After,
    N = list_to_integer(Count),
    io:format("~.1f ~.1f~n", [(HeapAfter - HeapBefore) / N, (RssAfter - RssBefore) / N]),
    halt().

start_echo_client(Mode, Address) ->
    Parent = self(),
    Client = spawn_link(fun() ->
        Socket = connect(Address),
        Parent ! {connected, self()},
        echo_rounds(Mode, Socket)
    end),
    receive {connected, Client} -> Client end.

echo_rounds(Mode, Socket) ->
    receive
        {round, From, End} ->
            ok = gen_tcp:send(Socket, ?PAYLOAD),
            From ! {trips, self(), trips(Mode, Socket, End, 0)},
            echo_rounds(Mode, Socket)
    end.

trips(Mode, Socket, End, Count) ->
    Data = next(Mode, Socket),
    case Count band 15 =:= 0 andalso erlang:monotonic_time(millisecond) >= End of
        true -> Count + 1;
        false ->
            ok = gen_tcp:send(Socket, Data),
            trips(Mode, Socket, End, Count + 1)
    end.

serve_echo(Mode, Socket) ->
    case catch next(Mode, Socket) of
        Data when is_binary(Data) ->
            gen_tcp:send(Socket, Data),
            serve_echo(Mode, Socket);
        _ -> gen_tcp:close(Socket)
    end.

next("once", Socket) ->
    ok = inet:setopts(Socket, [{active, once}]),
    receive {tcp, Socket, Data} -> Data end;
next("passive", Socket) ->
    case gen_tcp:recv(Socket, 0, 5000) of
        {ok, Data} -> Data;
        {error, timeout} -> next("passive", Socket) % the others have their turn
    end.

greet(Socket) ->
    gen_tcp:send(Socket, <<"!">>),
    gen_tcp:recv(Socket, 0, 5000),
    gen_tcp:close(Socket).

start_idle(Address) ->
    Parent = self(),
    Idle = spawn_link(fun() ->
        Socket = connect(Address),
        ok = gen_tcp:send(Socket, ?PAYLOAD),
        _ = next("once", Socket),
        ok = inet:setopts(Socket, [{active, once}]),
        Parent ! {idle, self()},
        receive {tcp_closed, Socket} -> ok end
    end),
    receive {idle, Idle} -> Idle end.

footprint() ->
    timer:sleep(100),
    [erlang:garbage_collect(Process) || Process <- processes()],
    {ok, Status} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:split(Status, " ", all),
    {erlang:memory(total), binary_to_integer(Pages) * 4096}.

accept(Listener, Serve) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Process = spawn(fun() -> receive serve -> Serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Process),
    Process ! serve,
    accept(Listener, Serve).

listen([]) ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {backlog, 4096} | ?OPTIONS]),
    {ok, Port} = inet:port(Listener),
    io:format("~b~n", [Port]),
    Listener;
listen([Path]) ->
    {ok, Listener} = gen_tcp:listen(0, [{ifaddr, {local, Path}}, {backlog, 4096} | ?OPTIONS]),
    io:format("~s~n", [Path]),
    Listener.

connect("/" ++ _ = Path) ->
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, ?OPTIONS -- [{nodelay, true}]),
    Socket;
connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, list_to_integer(Port), ?OPTIONS),
    Socket.
