%% Erlang's processes as a peer: what bench/programs/processes.ts does with ours.
-module(process_peer).
-export([main/1, start_child/0]).
-behaviour(supervisor).
-export([init/1]).

-define(BATCH, 10000).
-define(RING, 1000).

main(["ping-pong"]) ->
    Other = spawn_link(fun pong/0),
    stand_by(fun() -> ping(Other, ?BATCH), ?BATCH end);
main(["ring"]) ->
    Self = self(),
    First = lists:foldl(fun(_, Next) -> spawn_link(fun() -> forward(Next) end) end, Self, lists:seq(2, ?RING)),
    stand_by(fun() -> rounds_of(First, 10), 10 * ?RING end);
main(["fan-in"]) ->
    Senders = [spawn_link(fun fan_out/0) || _ <- lists:seq(1, 100)],
    stand_by(fun() ->
        [Sender ! {send, self(), ?BATCH div 100} || Sender <- Senders],
        take(?BATCH),
        ?BATCH
    end);
main(["spawn"]) ->
    stand_by(fun() -> spawn_many(1000), 1000 end);
main(["call"]) ->
    Callee = spawn_link(fun answer/0),
    stand_by(fun() -> call_many(Callee, 1000), 1000 end);
main(["selective", Others]) ->
    [self() ! {other, N} || N <- lists:seq(1, list_to_integer(Others))],
    stand_by(fun() -> select_many(100), 100 end);
main(["timers-cancelled"]) ->
    stand_by(fun() -> set_and_cancel(1000), 1000 end);
main(["timers-fired"]) ->
    stand_by(fun() ->
        [erlang:send_after(1, self(), N) || N <- lists:seq(1, 1000)],
        take(1000),
        1000
    end);
main(["restarts"]) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, []),
    stand_by(fun() -> crash_many(Supervisor, 100), 100 end);
main(["idle-processes", Count]) ->
    N = list_to_integer(Count),
    Before = erlang:memory(processes),
    [spawn_link(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, N)],
    io:format("~.1f~n", [(erlang:memory(processes) - Before) / N]),
    halt().

stand_by(Batch) ->
    rounds:stand_by(fun(Milliseconds) -> rounds:until(Milliseconds, Batch) end).

ping(_, 0) -> ok;
ping(Other, Left) ->
    Other ! {ping, self()},
    receive pong -> ping(Other, Left - 1) end.

pong() ->
    receive {ping, From} -> From ! pong, pong() end.

rounds_of(_, 0) -> ok;
rounds_of(First, Left) ->
    First ! token,
    receive token -> rounds_of(First, Left - 1) end.

forward(Next) ->
    receive token -> Next ! token, forward(Next) end.

fan_out() ->
    receive
        {send, To, Count} ->
            [To ! N || N <- lists:seq(1, Count)],
            fan_out()
    end.

take(0) -> ok;
take(Left) -> receive N when is_integer(N) -> take(Left - 1) end.

spawn_many(0) -> ok;
spawn_many(Left) ->
    Process = spawn(fun() -> receive {ping, From} -> From ! pong end end),
    Process ! {ping, self()},
    receive pong -> spawn_many(Left - 1) end.

answer() ->
    receive {Tag, From, Value} -> From ! {Tag, Value}, answer() end.

%% As gen:call does: a monitor, whose reference is the tag, and a time limit.
call_many(_, 0) -> ok;
call_many(Callee, Left) ->
    Tag = erlang:monitor(process, Callee),
    Callee ! {Tag, self(), Left},
    receive
        {Tag, Left} -> erlang:demonitor(Tag, [flush]), call_many(Callee, Left - 1);
        {'DOWN', Tag, _, _, Reason} -> exit(Reason)
    after 5000 -> exit(timeout)
    end.

select_many(0) -> ok;
select_many(Left) ->
    self() ! {wanted, Left},
    receive {wanted, Left} -> select_many(Left - 1) end.

set_and_cancel(0) -> ok;
set_and_cancel(Left) ->
    erlang:cancel_timer(erlang:send_after(5000, self(), Left)),
    set_and_cancel(Left - 1).

%% Each crash is a normal end of a permanent child: no report of it is written.
crash_many(_, 0) -> ok;
crash_many(Supervisor, Left) ->
    [{_, Child, _, _}] = supervisor:which_children(Supervisor),
    Monitor = erlang:monitor(process, Child),
    Child ! stop,
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    crash_many(Supervisor, Left - 1).

start_child() -> {ok, spawn_link(fun() -> receive stop -> ok end end)}.

init([]) ->
    logger:set_primary_config(level, none),
    Child = #{id => child, start => {?MODULE, start_child, []}},
    {ok, {#{strategy => one_for_one, intensity => 1000000000, period => 1}, [Child]}}.
