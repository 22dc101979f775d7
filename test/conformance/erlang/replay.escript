#!/usr/bin/env escript
%% Replays scenarios on real Erlang: what mug 3.1.0 and gleam_erlang 1.3.0 do, done with the gen_tcp and the BIFs that
%% they stand on. The notation is that of ../recorded/format.md.
%%
%%     escript replay.escript FILE
%%
%% FILE holds one Erlang term per scenario, the list of its steps; replay-on-erlang.ts writes it. A step is a map with
%% atoms as keys; `op` is an atom, text is a binary. As soon as a scenario is over, its line is printed:
%%
%%     {"index":0,"observed":["Ok","Ok(c)"]}

-mode(compile).

-define(AT_ONCE, 8).
%% What a scenario has not done by then, it does not do.
-define(SCENARIO_WITHIN, 30000).
-define(ACCEPT_WITHIN, 2000).
%% Loopback answers a SYN in well under a millisecond; one without an answer by then is ignored.
-define(ANSWERED_WITHIN, 150).
-define(DRAINING_BUFFER, 262144).

-define(SHORTEST_PATTERN, 20).
-define(LONGEST_TEXT, 200).

main([File]) ->
    ok = logger:set_primary_config(level, none), % a crash is what some scenarios want to see
    ok = io:setopts([{encoding, unicode}]),
    {ok, Scenarios} = file:consult(File),
    replay_all(lists:enumerate(0, Scenarios), 0).

replay_all([], 0) ->
    ok;
replay_all([{Index, Steps} | Waiting], Running) when Running < ?AT_ONCE ->
    Main = self(),
    spawn_monitor(fun() -> Main ! {replayed, Index, replay(Steps)} end),
    replay_all(Waiting, Running + 1);
replay_all(Waiting, Running) ->
    receive
        {replayed, Index, Observed} ->
            print(Index, Observed),
            replay_all(Waiting, Running - 1);
        {'DOWN', _, process, _, Reason} when Reason =/= normal ->
            io:format(standard_error, "~p~n", [Reason]),
            halt(1)
    end.

print(Index, Observed) ->
    Strings = lists:join($,, [json_string(unicode:characters_to_list(Shown)) || Shown <- Observed]),
    io:format("{\"index\":~b,\"observed\":[~ts]}~n", [Index, Strings]).

json_string(Text) ->
    [$", [json_character(Character) || Character <- Text], $"].

json_character($") -> "\\\"";
json_character($\\) -> "\\\\";
json_character(Character) when Character < $\s -> io_lib:format("\\u~4.16.0b", [Character]);
json_character(Character) -> Character.


%% ---- A scenario: one process reads the script, and an actor is a process that does what it is told

-record(scenario, {
    deadline,
    names = #{}, % what the script made, by the names that it gave
    actors = #{}, % their processes, by name
    jobs = #{}, % for each process what it has to do, {Id, Step}; it is busy with the first
    results = #{}, % by the Id of a job: that of the step, or a reference
    ends = #{} % for each process that is over, its exit reason
}).

replay(Steps) ->
    {Observed, End} = lists:mapfoldl(fun observe/2, #scenario{deadline = now_ms() + ?SCENARIO_WITHIN}, Steps),
    [exit(Process, kill) || Process <- maps:values(End#scenario.actors)],
    Observed.

observe(Step, Scenario) ->
    case time_left(Scenario) of
        0 ->
            {<<"NotRun(OutOfTime)">>, Scenario};
        _ ->
            {Result, Next} = take(Step, Scenario),
            {show(Result, names_of_things(Next)), Next}
    end.

take(#{op := sleep, ms := Ms}, Scenario) ->
    {nil, listen_until(fun(_) -> false end, Ms, Scenario)};
take(#{op := await, id := Id, within := Within}, Scenario) ->
    Next = listen_until(fun(S) -> is_map_key(Id, S#scenario.results) end, Within, Scenario),
    {maps:get(Id, Next#scenario.results, blocked), Next};
take(#{op := start, actor := Actor}, Scenario) ->
    {nil, element(2, process_of(Actor, Scenario))};
take(#{actor := Actor} = Step, Scenario) ->
    {Process, Started} = process_of(Actor, Scenario),
    case is_process_alive(Process) of
        true -> act(Process, Step, Started);
        false -> {{not_run, dead}, Started}
    end.

act(Process, #{op := die, actor := Actor, how := <<"kill">>}, Scenario) ->
    exit(Process, kill),
    end_of(Process, Actor, Scenario);
act(Process, #{op := die, actor := Actor} = Step, Scenario) ->
    end_of(Process, Actor, add_job(Process, make_ref(), Step, Scenario));
act(Process, #{async := Id} = Step, #scenario{results = Results} = Scenario) ->
    {started, add_job(Process, Id, Step, Scenario#scenario{results = maps:remove(Id, Results)})};
act(Process, #{actor := Actor} = Step, Scenario) ->
    Id = make_ref(),
    IsOver = fun(S) -> is_map_key(Id, S#scenario.results) orelse is_map_key(Process, S#scenario.ends) end,
    Next = listen_until(IsOver, infinity, add_job(Process, Id, Step, Scenario)),
    case Next#scenario.results of
        #{Id := Result} -> {Result, Next};
        #{} -> {how_it_ended(Process, Actor, Next), Next}
    end.

end_of(Process, Actor, Scenario) ->
    Next = listen_until(fun(S) -> is_map_key(Process, S#scenario.ends) end, infinity, Scenario),
    {how_it_ended(Process, Actor, Next), Next}.

how_it_ended(Process, Actor, Scenario) ->
    case Scenario#scenario.ends of
        #{Process := Reason} -> {exited, literally([Actor]), Reason};
        #{} -> blocked
    end.

%% The process of an actor, which starts when the script speaks of it for the first time.
process_of(Actor, #scenario{actors = Actors} = Scenario) ->
    case Actors of
        #{Actor := Process} ->
            {Process, Scenario};
        #{} ->
            Script = self(),
            Process = spawn(fun() -> actor(Script) end),
            {Process, heard({started, Actor, Process}, Scenario)}
    end.

%% An actor is handed one job at a time, so none stands in its mailbox while it looks at that.
add_job(Process, Id, Step, #scenario{jobs = Jobs} = Scenario) ->
    case maps:get(Process, Jobs, []) of
        [] -> begin_job(Process, [{Id, Step}], Scenario);
        Busy -> Scenario#scenario{jobs = Jobs#{Process => Busy ++ [{Id, Step}]}}
    end.

begin_job(Process, Waiting, #scenario{jobs = Jobs, names = Names} = Scenario) ->
    case Waiting of
        [{_, Step} | _] -> Process ! {job, self(), Step, Names};
        [] -> idle
    end,
    Scenario#scenario{jobs = Jobs#{Process => Waiting}}.

%% Hears what the actors tell, until that is enough or the time is over; any number is less than `infinity`.
listen_until(IsEnough, Within, Scenario) ->
    listen_before(IsEnough, now_ms() + min(time_left(Scenario), Within), Scenario).

listen_before(IsEnough, Time, Scenario) ->
    case IsEnough(Scenario) of
        true ->
            Scenario;
        false ->
            receive
                Message -> listen_before(IsEnough, Time, heard(Message, Scenario))
            after max(0, Time - now_ms()) -> Scenario
            end
    end.

heard({started, Actor, Process}, #scenario{actors = Actors, names = Names} = Scenario) ->
    monitor(process, Process),
    Scenario#scenario{actors = Actors#{Actor => Process}, names = Names#{Actor => Process}};
heard({named, Name, Thing}, #scenario{names = Names} = Scenario) ->
    Scenario#scenario{names = Names#{Name => Thing}};
heard({done, Process, Result}, #scenario{jobs = Jobs, results = Results} = Scenario) ->
    #{Process := [{Id, _} | Waiting]} = Jobs,
    begin_job(Process, Waiting, Scenario#scenario{results = Results#{Id => Result}});
heard({'DOWN', _, process, Process, Reason}, #scenario{ends = Ends} = Scenario) ->
    Scenario#scenario{ends = Ends#{Process => Reason}}.

time_left(#scenario{deadline = Deadline}) ->
    max(0, Deadline - now_ms()).

now_ms() ->
    erlang:monotonic_time(millisecond).


%% ---- An actor

actor(Script) ->
    receive
        {job, Script, #{op := die, how := <<"return">>}, _} ->
            ok;
        {job, Script, #{op := die, how := #{panic := Text}}, _} ->
            panic([Text]);
        {job, Script, Step, Names} ->
            Result = case Step of
                #{uncaught := true} -> do(Step, Names, Script);
                #{} -> try_to_do(Step, Names, Script)
            end,
            Script ! {done, self(), Result},
            actor(Script)
    end.

try_to_do(Step, Names, Script) ->
    try
        do(Step, Names, Script)
    catch
        throw:{not_run, _} = NotRun -> NotRun;
        error:#{gleam_error := panic, message := Message} -> {panic, quoted(Message)};
        error:Reason -> {panic, error, Reason};
        exit:Reason -> {panic, exit, Reason}
    end.

do(#{op := Op} = Step, Names, Script) ->
    perform(Op, maps:map(fun(Key, Written) -> argument(Op, Key, Written, Names) end, Step), Script).

%% What a step's argument stands for. A connect names the socket that it makes; elsewhere `socket` is one that is there.
argument(connect, socket, Name, _) -> Name;
argument(_, Key, Name, Names) when
    Key =:= socket; Key =:= other; Key =:= listener; Key =:= subject; Key =:= monitor; Key =:= timer;
    Key =:= name; Key =:= process; Key =:= 'of'; Key =:= to; Key =:= from
->
    thing(Name, Names);
argument(_, port, Port, _) when is_integer(Port) -> Port;
argument(_, Key, Name, Names) when Key =:= port; Key =:= same_port_as ->
    {_, _, {_, Port}} = thing(Name, Names),
    Port;
argument(_, ip, Text, _) ->
    {ok, Ip} = inet:parse_strict_address(binary_to_list(Text)),
    Ip;
argument(_, Key, Written, Names) when Key =:= data; Key =:= message; Key =:= reason; Key =:= host ->
    value(Written, Names);
argument(_, blocks, Blocks, Names) -> [value(Block, Names) || Block <- Blocks];
argument(_, tree, Tree, Names) -> tree(Tree, Names);
argument(_, selector, Pipeline, Names) -> selector(Pipeline, Names);
argument(_, option, Option, _) -> binary_to_atom(Option);
argument(_, options, Options, Names) ->
    [{binary_to_atom(Option), value(Written, Names)} || [Option, Written] <- Options];
argument(_, _, Written, _) -> Written.

thing(Name, Names) ->
    case Names of
        #{Name := Thing} -> Thing;
        #{} -> throw({not_run, {nothing_called, literally([Name])}})
    end.

%% Gives a thing its name; the script hears of it before it hears of the result of the step.
name(Name, Thing, Script) ->
    Script ! {named, Name, Thing},
    literally([Name]).


%% ---- Operations: perform(Op, Arguments, Script) does a step and gives its result

%% Of mug.

perform(connect, #{host := Host, port := Port, preference := Preference, timeout := Timeout, socket := Name}, Script) ->
    case connect(Preference, unicode:characters_to_list(Host), Port, Timeout) of
        {ok, Socket} -> {ok, name(Name, Socket, Script)};
        Error -> Error
    end;
perform(send, #{socket := Socket, data := Data}, _) ->
    send(Socket, Data);
perform(send_many, #{socket := Socket, data := Data, times := Times}, _) ->
    lists:usort([send(Socket, Data) || _ <- lists:seq(1, Times)]);
perform(send_builder, #{socket := Socket, tree := Tree}, _) ->
    ok_nil(gen_tcp:send(Socket, Tree));
perform('receive', #{socket := Socket, timeout := Timeout}, _) ->
    gen_tcp:recv(Socket, 0, Timeout);
perform(receive_exact, #{socket := Socket, size := Size, timeout := Timeout}, _) ->
    gen_tcp:recv(Socket, Size, Timeout);
perform(receive_sizes, #{socket := Socket, timeout := Timeout}, _) ->
    {Chunks, End} = receive_all(Socket, Timeout),
    literally(["Sizes(chunks=[", runs([byte_size(Chunk) || Chunk <- Chunks]), "], then=", {value, End}, ")"]);
perform(receive_all, #{socket := Socket, timeout := Timeout}, _) ->
    {Chunks, End} = receive_all(Socket, Timeout),
    received(Chunks, End);
perform(receive_next_packet_as_message, #{socket := Socket}, _) ->
    receive_next_packet_as_message(Socket);
perform(active_once_all, #{socket := Socket, timeout := Timeout}, _) ->
    {Chunks, End} = active_once_all(Socket, Timeout),
    received(Chunks, End);
perform(select_tcp_messages, #{timeout := Timeout}, _) ->
    select(tcp_messages(), Timeout);
perform(select_tcp_messages_or_other, #{timeout := Timeout}, _) ->
    select((tcp_messages())#{anything => labelled(<<"other">>)}, Timeout);
perform(shutdown, #{socket := Socket}, _) ->
    ok_nil(gen_tcp:shutdown(Socket, read_write));

%% Beyond mug.

perform(close, #{socket := Socket}, _) ->
    gen_tcp:close(Socket);
perform(setopts, #{socket := Socket, options := Options}, _) ->
    inet:setopts(Socket, Options);
perform(getopt, #{socket := Socket, option := Option}, _) ->
    case inet:getopts(Socket, [Option]) of
        {ok, [{Option, Value}]} -> Value;
        Other -> Other
    end;
perform(controlling_process, #{socket := Socket, to := Process}, _) ->
    gen_tcp:controlling_process(Socket, Process);
perform(user_timeout, #{socket := Socket, ms := Ms}, _) ->
    inet:setopts(Socket, [{raw, 6, 18, <<Ms:32/native>>}]); % IPPROTO_TCP, TCP_USER_TIMEOUT
perform(same_socket, #{socket := Socket, other := Other}, _) ->
    Socket =:= Other;
perform(port_open, #{socket := Socket}, _) ->
    erlang:port_info(Socket) =/= undefined;
perform(fd_open, #{socket := Socket}, _) ->
    is_ok(inet:getfd(Socket)); % the driver forgets the descriptor when it closes it
perform(owner, #{socket := Socket}, _) ->
    port_info(Socket, connected);
perform(unsent_bytes_queued, #{socket := Socket}, _) ->
    case port_info(Socket, queue_size) of
        no_port -> no_port;
        Size -> Size > 0
    end;

%% The server's side.

perform(listen, #{as := Name} = Arguments, Script) ->
    case listen(Arguments) of
        {ok, Socket} ->
            {ok, Address} = inet:sockname(Socket),
            name(Name, {listener, Socket, Address}, Script),
            ok;
        Error ->
            Error
    end;
perform(closed_port, #{as := Name} = Arguments, Script) ->
    name(Name, closed_port(maps:get(ip, Arguments, {127, 0, 0, 1})), Script),
    ok;
perform(fill_backlog, #{listener := {listener, _, {Ip, Port}}}, _) ->
    fill_backlog(Ip, Port);
perform(close_listener, #{listener := {listener, Socket, _}}, _) ->
    gen_tcp:close(Socket);
perform(accept, #{listener := {listener, Listener, _}, as := Name}, Script) ->
    case gen_tcp:accept(Listener, ?ACCEPT_WITHIN) of
        {ok, Socket} ->
            name(Name, Socket, Script),
            ok;
        Error ->
            Error
    end;
perform(peer_send, #{socket := Socket, data := Data}, _) ->
    peer_send(Socket, Data);
perform(peer_receive, #{socket := Socket, size := Size, timeout := Timeout}, _) ->
    peer_receive(Socket, Size, Timeout);
perform(peer_receive_blocks, #{socket := Socket, blocks := Blocks, timeout := Timeout}, _) ->
    case peer_receive(Socket, iolist_size(Blocks), Timeout) of
        {ok, Data} -> is_made_of(Data, Blocks);
        Error -> Error
    end;
perform(peer_echo, #{socket := Socket}, _) ->
    peer_echo(Socket, get({received, Socket}));
perform(peer_read_to_end, #{socket := Socket, timeout := Timeout}, _) ->
    read_to_end(Socket, Timeout);
perform(peer_read_to_end_of, #{socket := Socket, data := Whole, timeout := Timeout}, _) ->
    case read_to_end(Socket, Timeout) of
        {How, Whole} -> {How, everything};
        {How, _} -> {How, truncated}
    end;
perform(peer_half_close, #{socket := Socket}, _) ->
    gen_tcp:shutdown(Socket, write);
perform(peer_shutdown, #{socket := Socket}, _) ->
    gen_tcp:shutdown(Socket, read_write);
perform(peer_close, #{socket := Socket}, _) ->
    gen_tcp:close(Socket);
perform(peer_reset, #{socket := Socket}, _) ->
    inet:setopts(Socket, [{linger, {true, 0}}]),
    gen_tcp:close(Socket);

%% Mailboxes.

perform(mailbox, #{wait := Wait}, _) ->
    timer:sleep(Wait),
    [as_mug_has_it(Message) || Message <- take_all_messages()];
perform(peek, #{'of' := Process}, _) ->
    case process_info(Process, messages) of
        {messages, Messages} -> [as_mug_has_it(Message) || Message <- Messages];
        undefined -> {not_run, dead}
    end;
perform(tell, #{to := Process, message := Message}, _) ->
    Process ! Message,
    nil;
perform(flush_messages, _, _) ->
    take_all_messages(),
    nil;

%% Of gleam/erlang/process.

perform(self, _, _) ->
    self();
perform(spawn, #{as := Name}, Script) ->
    child(Name, spawn_link(fun() -> actor(Script) end), Script);
perform(spawn_unlinked, #{as := Name}, Script) ->
    child(Name, spawn(fun() -> actor(Script) end), Script);
perform(new_subject, #{as := Name}, Script) ->
    name(Name, new_subject(), Script);
perform(new_name, #{as := Name}, Script) ->
    name(Name, new_name(Name), Script);
perform(named_subject, #{as := As, name := Name}, Script) ->
    name(As, {named_subject, Name}, Script);
perform(subject_name, #{subject := {named_subject, Name}}, _) ->
    {ok, Name};
perform(subject_name, #{subject := {subject, _, _}}, _) ->
    {error, nil};
perform(subject_owner, #{subject := Subject}, _) ->
    subject_owner(Subject);
perform(register, #{process := Process, name := Name}, _) ->
    nil_unless_badarg(fun() -> register(Name, Process) end);
perform(unregister, #{name := Name}, _) ->
    nil_unless_badarg(fun() -> unregister(Name) end);
perform(named, #{name := Name}, _) ->
    named(Name);
perform(send, #{subject := Subject, message := Message}, _) ->
    send_to_subject(Subject, Message);
perform('receive', #{subject := {subject, Owner, _}}, _) when Owner =/= self() ->
    panic([<<"Cannot receive with a subject owned by another process">>]);
perform('receive', #{subject := Subject, timeout := Timeout}, _) ->
    receive_tagged(tag(Subject), Timeout);
perform(receive_forever, #{subject := Subject}, _) ->
    value_of(receive_tagged(tag(Subject), infinity));
perform(selector_receive, #{selector := Handlers, timeout := Timeout}, _) ->
    select(Handlers, Timeout);
perform(selector_receive_forever, #{selector := Handlers}, _) ->
    value_of(select(Handlers, infinity));
perform(call, #{subject := Subject, message := Message, timeout := Timeout}, _) ->
    call(Subject, Message, Timeout);
perform(call_forever, #{subject := Subject, message := Message}, _) ->
    call(Subject, Message, infinity);
perform(take_request, #{subject := Subject, timeout := Timeout, as := Name}, Script) ->
    case receive_tagged(tag(Subject), Timeout) of
        {ok, {request, Message, Reply}} ->
            name(Name, Reply, Script),
            {ok, {request, Message}};
        Other ->
            Other
    end;
perform(send_after, #{subject := {named_subject, Name}, message := Message, delay := Delay, as := As}, Script) ->
    name(As, erlang:send_after(Delay, Name, {Name, Message}), Script);
perform(send_after, #{subject := {subject, Owner, Tag}, message := Message, delay := Delay, as := As}, Script) ->
    name(As, erlang:send_after(Delay, Owner, {Tag, Message}), Script);
perform(cancel_timer, #{timer := Timer}, _) ->
    case erlang:cancel_timer(Timer) of
        false -> timer_not_found;
        _ -> {cancelled, remaining}
    end;
perform(sleep_in_process, #{ms := Ms}, _) ->
    timer:sleep(Ms),
    nil;
perform(sleep_forever, _, _) ->
    timer:sleep(infinity);
perform(is_alive, #{process := Process}, _) ->
    is_process_alive(Process);
perform(monitor, #{'of' := Process, as := Name}, Script) ->
    name(Name, monitor(process, Process), Script);
perform(demonitor_process, #{monitor := Monitor}, _) ->
    demonitor(Monitor, [flush]),
    nil;
perform(link, #{to := Process}, _) ->
    try
        link(Process)
    catch
        error:noproc -> false
    end;
perform(unlink, #{from := Process}, _) ->
    unlink(Process),
    nil;
perform(trap_exits, Arguments, _) ->
    process_flag(trap_exit, maps:get(flag, Arguments, true)),
    nil;
perform(kill, #{process := Process}, _) ->
    exit(Process, kill),
    nil;
perform(send_exit, #{process := Process}, _) ->
    exit(Process, normal),
    nil;
perform(send_abnormal_exit, #{process := Process, reason := Reason}, _) ->
    exit(Process, Reason),
    nil;
perform(_, _, _) ->
    {not_run, no_such_operation}.


%% ---- mug

connect(<<"ipv4_only">>, Host, Port, Timeout) ->
    named_error(connect_failed_ipv4, connect_by(inet, Host, Port, Timeout));
connect(<<"ipv6_only">>, Host, Port, Timeout) ->
    named_error(connect_failed_ipv6, connect_by(inet6, Host, Port, Timeout));
connect(<<"ipv4_preferred">>, Host, Port, Timeout) ->
    case connect_by(inet, Host, Port, Timeout) of
        {error, Ipv4} -> both_errors(Ipv4, connect_by(inet6, Host, Port, Timeout));
        Connected -> Connected
    end;
connect(<<"ipv6_preferred">>, Host, Port, Timeout) ->
    case connect_by(inet6, Host, Port, Timeout) of
        {error, Ipv6} -> both_errors(connect_by(inet, Host, Port, Timeout), Ipv6);
        Connected -> Connected
    end.

connect_by(Family, Host, Port, Timeout) ->
    gen_tcp:connect(Host, Port, [Family, binary, {packet, raw}, {active, false}], Timeout).

named_error(Name, {error, Reason}) -> {error, {Name, Reason}};
named_error(_, Connected) -> Connected.

both_errors({ok, _} = Connected, _) -> Connected;
both_errors(_, {ok, _} = Connected) -> Connected;
both_errors({error, Ipv4}, Ipv6) -> {error, {connect_failed_both, Ipv4, Ipv6}};
both_errors(Ipv4, {error, Ipv6}) -> {error, {connect_failed_both, Ipv4, Ipv6}}.

%% A bit array is sent as a tree of one part, filled up to whole bytes.
send(Socket, Data) ->
    Missing = (8 - bit_size(Data) rem 8) rem 8,
    ok_nil(gen_tcp:send(Socket, [<<Data/bitstring, 0:Missing>>])).

receive_next_packet_as_message(Socket) ->
    inet:setopts(Socket, [{active, once}]),
    nil.

tcp_messages() ->
    Handler = fun as_mug_has_it/1,
    #{{tcp, 3} => Handler, {tcp_closed, 2} => Handler, {tcp_error, 3} => Handler}.

as_mug_has_it({tcp, Socket, Data}) -> {packet, Socket, Data};
as_mug_has_it({tcp_closed, Socket}) -> {socket_closed, Socket};
as_mug_has_it({tcp_error, Socket, Reason}) -> {tcp_error, Socket, Reason};
as_mug_has_it(Other) -> Other.

ok_nil(ok) -> {ok, nil};
ok_nil(Error) -> Error.


%% ---- More with mug's sockets

%% What comes, and the error that is its end; the timeout is for each read.
receive_all(Socket, Timeout) ->
    receive_all(Socket, Timeout, []).

receive_all(Socket, Timeout, Chunks) ->
    case gen_tcp:recv(Socket, 0, Timeout) of
        {ok, Chunk} -> receive_all(Socket, Timeout, [Chunk | Chunks]);
        Error -> {lists:reverse(Chunks), Error}
    end.

active_once_all(Socket, Timeout) ->
    active_once_all(Socket, Timeout, []).

active_once_all(Socket, Timeout, Chunks) ->
    receive_next_packet_as_message(Socket),
    receive
        {tcp, Socket, Chunk} -> active_once_all(Socket, Timeout, [Chunk | Chunks]);
        {tcp_closed, Socket} -> {lists:reverse(Chunks), socket_closed};
        {tcp_error, Socket, Reason} -> {lists:reverse(Chunks), {tcp_error, Reason}}
    after Timeout -> {lists:reverse(Chunks), timeout}
    end.

received(Chunks, End) ->
    Largest = lists:max([0 | [byte_size(Chunk) || Chunk <- Chunks]]),
    literally([
        "Received(data=", {value, iolist_to_binary(Chunks)}, ", largest=", {value, Largest},
        ", at_least_one_packet=", {value, Chunks =/= []}, ", then=", {value, End}, ")"
    ]).

%% [1460, 1460, 80] is "1460x2, 80x1".
runs(Sizes) ->
    Runs = lists:foldr(
        fun
            (Size, [{Size, Count} | Later]) -> [{Size, Count + 1} | Later];
            (Size, Later) -> [{Size, 1} | Later]
        end,
        [],
        Sizes
    ),
    lists:join(", ", [io_lib:format("~bx~b", [Size, Count]) || {Size, Count} <- Runs]).

port_info(Socket, Item) ->
    case erlang:port_info(Socket, Item) of
        {Item, Value} -> Value;
        undefined -> no_port
    end.

is_ok({ok, _}) -> true;
is_ok({error, _}) -> false.


%% ---- The server's side

%% A peer may send after it has read the end, and is told of a reset.
-define(PEER_OPTIONS, [{exit_on_close, false}, {show_econnreset, true}, {nodelay, true}]).

listen(Arguments) ->
    Ip = maps:get(ip, Arguments, {127, 0, 0, 1}),
    Chosen = [listen_option(Option) || Option <- maps:to_list(maps:with([backlog, recbuf, v6only], Arguments))],
    Options = [family(Ip), binary, {ip, Ip}, {packet, raw}, {active, false}] ++ Chosen ++ ?PEER_OPTIONS,
    gen_tcp:listen(maps:get(same_port_as, Arguments, 0), Options).

listen_option({v6only, IsV6Only}) -> {ipv6_v6only, IsV6Only};
listen_option(Option) -> Option.

%% A socket that is bound and does not listen keeps its port from everybody else.
closed_port(Ip) ->
    {ok, Socket} = socket:open(family(Ip), stream, tcp),
    ok = socket:bind(Socket, #{family => family(Ip), addr => Ip, port => 0}),
    {ok, #{port := Port}} = socket:sockname(Socket),
    {closed_port, Socket, {Ip, Port}}.

fill_backlog(Ip, Port) ->
    case gen_tcp:connect(Ip, Port, [family(Ip)], ?ANSWERED_WITHIN) of
        {ok, _} -> fill_backlog(Ip, Port);
        {error, timeout} -> ok;
        Error -> Error
    end.

family(Ip) when tuple_size(Ip) =:= 4 -> inet;
family(_) -> inet6.

%% gen_tcp says once why it failed, and then that the socket is closed or not connected. In the notation a connection
%% that was reset stays one that was reset.
peer_send(Socket, Data) ->
    case get({failed, Socket}) of
        undefined ->
            Result = gen_tcp:send(Socket, Data),
            [put({failed, Socket}, Result) || {error, _} <- [Result]],
            Result;
        Failure ->
            Failure
    end.

%% Sends back what peer_receive has kept.
peer_echo(_, undefined) -> {not_run, nothing_received};
peer_echo(Socket, Data) -> peer_send(Socket, Data).

peer_receive(Socket, Size, Timeout) ->
    Result = gen_tcp:recv(Socket, Size, Timeout),
    [put({received, Socket}, Data) || {ok, Data} <- [Result]],
    Result.

%% A script has its peer's buffer small so that it fills; one that reads to the end wants it to drain.
read_to_end(Socket, Timeout) ->
    inet:setopts(Socket, [{recbuf, ?DRAINING_BUFFER}]),
    {Chunks, End} = receive_all(Socket, Timeout),
    {stream_end(End), iolist_to_binary(Chunks)}.

stream_end({error, closed}) -> fin;
stream_end({error, timeout}) -> still_open;
stream_end({error, _}) -> rst.

%% Whether it is the blocks, each whole, in whatever order.
is_made_of(Data, []) ->
    Data =:= <<>>;
is_made_of(Data, Blocks) ->
    lists:any(
        fun(Block) ->
            Size = byte_size(Block),
            case Data of
                <<Block:Size/binary, Rest/binary>> -> is_made_of(Rest, Blocks -- [Block]);
                _ -> false
            end
        end,
        Blocks
    ).


%% ---- gleam/erlang/process

%% A process that the script calls by name as it calls any other actor.
child(Name, Process, Script) ->
    Script ! {started, Name, Process},
    literally([Name]).

new_subject() ->
    {subject, self(), make_ref()}.

%% Two names of one text are two names.
new_name(Prefix) ->
    binary_to_atom(<<Prefix/binary, $$, (integer_to_binary(erlang:unique_integer([positive])))/binary>>).

tag({subject, _, Tag}) -> Tag;
tag({named_subject, Name}) -> Name.

subject_owner({subject, Owner, _}) -> {ok, Owner};
subject_owner({named_subject, Name}) -> named(Name).

named(Name) ->
    case whereis(Name) of
        Process when is_pid(Process) -> {ok, Process};
        _ -> {error, nil}
    end.

nil_unless_badarg(Job) ->
    try Job() of
        true -> {ok, nil}
    catch
        error:badarg -> {error, nil}
    end.

send_to_subject({subject, Owner, Tag}, Message) ->
    Owner ! {Tag, Message},
    nil;
send_to_subject({named_subject, Name}, Message) ->
    case whereis(Name) of
        undefined -> panic([<<"Sending to unregistered name">>]);
        Process -> Process ! {Name, Message}
    end,
    nil.

receive_tagged(Tag, Timeout) ->
    receive
        {Tag, Message} -> {ok, Message}
    after Timeout -> {error, nil}
    end.

call(Subject, Message, Timeout) ->
    Reply = new_subject(),
    Callee = case subject_owner(Subject) of
        {ok, Owner} -> Owner;
        {error, nil} -> panic([<<"Callee subject had no owner">>])
    end,
    Monitor = monitor(process, Callee),
    send_to_subject(Subject, {request, Message, Reply}),
    Handlers = #{
        {tag(Reply), 2} => fun payload/1,
        Monitor => fun(Down) -> panic([<<"callee exited: ">>, {value, process_down(Down)}]) end
    },
    case select(Handlers, Timeout) of
        {ok, Answer} ->
            demonitor(Monitor, [flush]),
            Answer;
        {error, nil} ->
            panic([<<"callee did not send reply before timeout">>]) % and the monitor stays
    end.

take_all_messages() ->
    receive
        Message -> [Message | take_all_messages()]
    after 0 -> []
    end.

value_of({ok, Value}) -> Value.

panic(Message) ->
    error(#{gleam_error => panic, message => Message}).


%% ---- Selectors: maps from the shape of a message, {Tag, Arity}, to its handler

%% The oldest message that has a handler is taken. A monitor has a handler of its own, under its reference; that of
%% `anything` takes what no other takes.
select(Handlers, Timeout) ->
    receive
        {'DOWN', Monitor, _, _, _} = Message when is_map_key(Monitor, Handlers) ->
            handle(Message, map_get(Monitor, Handlers));
        Message when is_map_key({element(1, Message), tuple_size(Message)}, Handlers) ->
            handle(Message, map_get({element(1, Message), tuple_size(Message)}, Handlers));
        Message when is_map_key(anything, Handlers) ->
            handle(Message, map_get(anything, Handlers))
    after Timeout -> {error, nil}
    end.

handle(Message, Handler) ->
    {ok, Handler(Message)}.

selector(Pipeline, Names) ->
    lists:foldl(fun([Step | Arguments], Handlers) -> add(Step, Arguments, Handlers, Names) end, #{}, Pipeline).

add(<<"select">>, [Subject], Handlers, Names) ->
    Handlers#{subject_key(Subject, Names) => fun payload/1};
add(<<"select_map">>, [Subject, Label], Handlers, Names) ->
    Handlers#{subject_key(Subject, Names) => labelled(Label, fun payload/1)};
add(<<"select_map_panic">>, [Subject], Handlers, Names) ->
    Handlers#{subject_key(Subject, Names) => fun(_) -> panic([<<"mapping panicked">>]) end};
add(<<"deselect">>, [Subject], Handlers, Names) ->
    maps:remove(subject_key(Subject, Names), Handlers);
add(<<"select_record">>, [Tag, Fields, Label], Handlers, Names) ->
    Handlers#{{value(Tag, Names), Fields + 1} => labelled(Label)};
add(<<"select_other">>, [Label], Handlers, _) ->
    Handlers#{anything => labelled(Label)};
add(<<"select_monitors">>, [Label], Handlers, _) ->
    Handlers#{{'DOWN', 5} => labelled(Label, fun process_down/1)};
add(<<"select_specific_monitor">>, [Monitor, Label], Handlers, Names) ->
    Handlers#{thing(Monitor, Names) => labelled(Label, fun process_down/1)};
add(<<"deselect_specific_monitor">>, [Monitor], Handlers, Names) ->
    maps:remove(thing(Monitor, Names), Handlers);
add(<<"select_trapped_exits">>, [Label], Handlers, _) ->
    Handlers#{{'EXIT', 3} => labelled(Label, fun exit_message/1)};
add(<<"select_tcp_messages">>, [Label], Handlers, _) ->
    maps:merge(Handlers, map_selector(Label, tcp_messages()));
add(<<"merge_selector">>, [Other], Handlers, Names) ->
    maps:merge(Handlers, selector(Other, Names));
add(<<"map_selector">>, [Label], Handlers, _) ->
    map_selector(Label, Handlers).

map_selector(Label, Handlers) ->
    maps:map(fun(_, Handler) -> labelled(Label, Handler) end, Handlers).

subject_key(Subject, Names) ->
    {tag(thing(Subject, Names)), 2}.

payload({_, Payload}) ->
    Payload.

process_down({'DOWN', Monitor, process, Process, Reason}) ->
    {process_down, Monitor, Process, exit_reason(Reason)};
process_down({'DOWN', Monitor, port, Port, Reason}) ->
    {port_down, Monitor, Port, exit_reason(Reason)}.

exit_message({'EXIT', Process, Reason}) ->
    {exit_message, Process, exit_reason(Reason)}.

exit_reason(normal) -> normal;
exit_reason(killed) -> killed;
exit_reason(Reason) -> {abnormal, Reason}.

labelled(Label) ->
    labelled(Label, fun(Message) -> Message end).

labelled(Label, Handler) ->
    Constructor = binary_to_atom(Label),
    fun(Message) -> {Constructor, Handler(Message)} end.


%% ---- Values in steps

value(Items, Names) when is_list(Items) -> [value(Item, Names) || Item <- Items];
value(#{atom := Text}, _) -> binary_to_atom(Text);
value(#{tuple := Fields}, Names) -> list_to_tuple(value(Fields, Names));
value(#{ref := Name}, Names) -> thing(Name, Names);
value(#{float := Number}, _) -> float(Number);
value(#{hex := Digits}, _) -> binary:decode_hex(Digits);
value(#{pattern_from := From, size := Size}, _) -> pattern(From, Size);
value(#{bits_value := Value, bit_size := Size}, _) -> <<Value:Size>>;
value(Plain, _) -> Plain.

tree(#{nested_lists := Depth, around := Inner}, Names) ->
    lists:foldl(fun(_, Tree) -> [Tree] end, tree(Inner, Names), lists:seq(1, Depth));
tree(#{parts := Count, each := Part}, Names) ->
    lists:duplicate(Count, tree(Part, Names));
tree(#{improper_list_of := Parts, tail := Tail}, Names) ->
    tree(Parts, Names) ++ tree(Tail, Names);
tree(Parts, Names) when is_list(Parts) ->
    [tree(Part, Names) || Part <- Parts];
tree(Leaf, Names) ->
    value(Leaf, Names).

%% Byte i is (From + i) mod 251.
pattern(From, Size) ->
    Period = << <<((From + I) rem 251)>> || I <- lists:seq(0, 250) >>,
    binary:part(binary:copy(Period, Size div 251 + 1), 0, Size).


%% ---- Results

%% What stands in a result as it is, but for {value, Value}.
literally(Pieces) ->
    {'$literally', Pieces}.

quoted(Pieces) ->
    literally(["\""] ++ Pieces ++ ["\""]).

%% What things are called: each by its name, and so is the tag in the messages of a subject.
names_of_things(#scenario{names = Names}) ->
    Named = [{Thing, Name} || {Name, Thing} <- maps:to_list(Names)],
    Tags = [{Tag, Name} || {{subject, _, Tag}, Name} <- Named],
    maps:from_list(Named ++ Tags).

show(Value, Things) when is_map_key(Value, Things) ->
    map_get(Value, Things);
show({'$literally', Pieces}, Things) ->
    [case Piece of {value, Value} -> show(Value, Things); _ -> Piece end || Piece <- Pieces];
show(#{gleam_error := panic, message := Message}, Things) ->
    ["Panicked(", show(quoted(Message), Things), ")"];
show({Reason, [{Module, Function, _, _} | _]}, Things) when is_atom(Module), is_atom(Function) ->
    show(Reason, Things); % that was the stack trace of a crash
show(Value, Things) when is_list(Value) ->
    ["[", show_all(Value, Things), "]"];
show(Value, Things) when is_tuple(Value) ->
    show_tuple(tuple_to_list(Value), Things);
show(Value, _) when is_atom(Value) ->
    constructor_name(atom_to_binary(Value));
show(Value, _) when is_binary(Value) ->
    show_bytes(Value);
show(Value, _) when is_float(Value) ->
    float_to_binary(Value, [short]);
show(Value, _) when is_pid(Value) ->
    "<pid>";
show(Value, _) when is_reference(Value) ->
    "<ref>";
show(Value, _) when is_port(Value) ->
    "<port>";
show(Value, _) ->
    io_lib:format("~w", [Value]).

show_all(Values, Things) ->
    lists:join(", ", [show(Value, Things) || Value <- Values]).

show_tuple([Tag | Fields] = Values, Things) ->
    IsConstructor = is_atom(Tag) andalso not is_boolean(Tag) andalso not is_map_key(Tag, Things) andalso Fields =/= [],
    case IsConstructor of
        true -> [show(Tag, Things), "(", show_all(Fields, Things), ")"];
        false -> ["#(", show_all(Values, Things), ")"]
    end;
show_tuple([], _) ->
    "#()".

%% tcp_closed is TcpClosed, 'DOWN' is Down.
constructor_name(Tag) ->
    [string:titlecase(string:lowercase(Word)) || Word <- string:split(Tag, "_", all)].

show_bytes(<<First, _/binary>> = Data) when byte_size(Data) >= ?SHORTEST_PATTERN ->
    case pattern(First, byte_size(Data)) of
        Data -> io_lib:format("Pattern(from=~b, size=~b)", [First, byte_size(Data)]);
        _ -> show_text_or_bytes(Data)
    end;
show_bytes(Data) ->
    show_text_or_bytes(Data).

show_text_or_bytes(Data) when byte_size(Data) =< ?LONGEST_TEXT ->
    case is_text(unicode:characters_to_list(Data)) of
        true -> quoted_text(Data);
        false -> ["Hex(", binary:encode_hex(Data), ")"]
    end;
show_text_or_bytes(Data) ->
    [First | _] = sha256(Data),
    io_lib:format("Bytes(size=~b, sha256=~8.16.0B)", [byte_size(Data), First]).

is_text(Characters) when is_list(Characters) ->
    lists:all(fun(C) -> (C >= $\s andalso C =/= $\d) orelse lists:member(C, "\t\n\r") end, Characters);
is_text(_) ->
    false. % no UTF-8

quoted_text(Text) ->
    ["\"", [escaped(Character) || Character <- unicode:characters_to_list(Text)], "\""].

escaped($") -> "\\\"";
escaped($\\) -> "\\\\";
escaped($\t) -> "\\t";
escaped($\n) -> "\\n";
escaped($\r) -> "\\r";
escaped(Character) -> Character.


%% ---- SHA-256, as FIPS 180-4 has it: many an Erlang is installed without the application that is called crypto

-define(ROUND_CONSTANTS, [
    16#428a2f98, 16#71374491, 16#b5c0fbcf, 16#e9b5dba5, 16#3956c25b, 16#59f111f1, 16#923f82a4, 16#ab1c5ed5,
    16#d807aa98, 16#12835b01, 16#243185be, 16#550c7dc3, 16#72be5d74, 16#80deb1fe, 16#9bdc06a7, 16#c19bf174,
    16#e49b69c1, 16#efbe4786, 16#0fc19dc6, 16#240ca1cc, 16#2de92c6f, 16#4a7484aa, 16#5cb0a9dc, 16#76f988da,
    16#983e5152, 16#a831c66d, 16#b00327c8, 16#bf597fc7, 16#c6e00bf3, 16#d5a79147, 16#06ca6351, 16#14292967,
    16#27b70a85, 16#2e1b2138, 16#4d2c6dfc, 16#53380d13, 16#650a7354, 16#766a0abb, 16#81c2c92e, 16#92722c85,
    16#a2bfe8a1, 16#a81a664b, 16#c24b8b70, 16#c76c51a3, 16#d192e819, 16#d6990624, 16#f40e3585, 16#106aa070,
    16#19a4c116, 16#1e376c08, 16#2748774c, 16#34b0bcb5, 16#391c0cb3, 16#4ed8aa4a, 16#5b9cca4f, 16#682e6ff3,
    16#748f82ee, 16#78a5636f, 16#84c87814, 16#8cc70208, 16#90befffa, 16#a4506ceb, 16#bef9a3f7, 16#c67178f2
]).
-define(WORD(Value), ((Value) band 16#ffffffff)).

%% Its eight words.
sha256(Data) ->
    Size = bit_size(Data),
    Zeros = (448 - (Size + 1)) band 511,
    Start = [16#6a09e667, 16#bb67ae85, 16#3c6ef372, 16#a54ff53a, 16#510e527f, 16#9b05688c, 16#1f83d9ab, 16#5be0cd19],
    digest(<<Data/binary, 1:1, 0:Zeros, Size:64>>, Start).

digest(<<>>, Digest) ->
    Digest;
digest(<<Block:64/binary, Rest/binary>>, Digest) ->
    Words = [Word || <<Word:32>> <= Block],
    Mixed = rounds(?ROUND_CONSTANTS, Words, Digest),
    digest(Rest, lists:zipwith(fun(A, B) -> ?WORD(A + B) end, Digest, Mixed)).

%% The sixteen words move on by one each round: the oldest is used up, and a new one made.
rounds([], _, Digest) ->
    Digest;
rounds([Constant | Constants], [Word, W1 | _] = Words, [A, B, C, D, E, F, G, H]) ->
    [W9, W14] = [lists:nth(10, Words), lists:nth(15, Words)],
    Small0 = rotate(W1, 7) bxor rotate(W1, 18) bxor (W1 bsr 3),
    Small1 = rotate(W14, 17) bxor rotate(W14, 19) bxor (W14 bsr 10),
    Next = ?WORD(Word + Small0 + W9 + Small1),
    Big0 = rotate(A, 2) bxor rotate(A, 13) bxor rotate(A, 22),
    Big1 = rotate(E, 6) bxor rotate(E, 11) bxor rotate(E, 25),
    Choice = (E band F) bxor (?WORD(bnot E) band G),
    Majority = (A band B) bxor (A band C) bxor (B band C),
    Sum = H + Big1 + Choice + Constant + Word,
    rounds(Constants, tl(Words) ++ [Next], [?WORD(Sum + Big0 + Majority), A, B, C, ?WORD(D + Sum), E, F, G]).

rotate(Word, Count) ->
    ?WORD((Word bsr Count) bor (Word bsl (32 - Count))).
