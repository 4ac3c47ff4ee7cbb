-- The bodies of the :Fairlead commands.

local status = require('fairlead.status')

local M = {}

---@param lines string[]
local function show(lines)
  local width = math.max(20, math.min(vim.o.columns - 4, 110))
  vim.lsp.util.open_floating_preview(lines, '', {
    focus_id = 'fairlead',
    border = 'rounded',
    title = ' fairlead ',
    max_width = width,
    wrap = true,
    close_events = { 'CursorMoved', 'InsertCharPre', 'BufHidden' },
  })
end

--- Sends one of the server's commands and passes the status that it answers with.
---@param command string
---@param done fun(lines: string[])
local function ask(command, done)
  local client = status.client(0)
  if not client then
    done(status.absent())
    return
  end
  local answered = false
  client:request('workspace/executeCommand', { command = command }, function(err, result, ctx)
    if answered then
      return
    end
    answered = true
    if err then
      done({ 'fairlead: ' .. (err.message or 'the server refused ' .. command) })
    else
      status.receive(nil, result, ctx)
      done(status.lines(type(result) == 'table' and result or {}))
    end
  end)
  vim.defer_fn(function()
    if answered then
      return
    end
    answered = true
    local lines = { 'fairlead: the server has not answered for two seconds; :FairleadRestart replaces it' }
    local known = status.last(client.id)
    done(known and vim.list_extend(lines, status.lines(known)) or lines)
  end, 2000)
end

function M.status()
  ask('fairlead.status', show)
end

function M.pause()
  ask('fairlead.pause', function(lines)
    vim.notify(lines[1])
  end)
end

function M.resume()
  ask('fairlead.resume', function(lines)
    vim.notify(lines[1])
  end)
end

--- Ends every server of ours, waits until it is gone (two seconds, then by force), and starts again.
function M.restart()
  local clients = vim.lsp.get_clients({ name = 'fairlead' })
  local polls = 0
  status.stopping = true
  for _, client in ipairs(clients) do
    client:stop()
  end
  local function start()
    polls = polls + 1
    local left = vim.lsp.get_clients({ name = 'fairlead' })
    if #left > 0 and polls < 200 then
      if polls == 40 then
        for _, client in ipairs(left) do
          client:stop(true)
        end
      end
      vim.defer_fn(start, 50)
      return
    end
    status.stopping = false
    vim.lsp.enable('fairlead')
  end
  start()
end

function M.log()
  local client = status.client(0)
  local known = client and status.last(client.id) or {}
  local path = known.log
  if type(path) ~= 'string' or path == '' or vim.fn.filereadable(path) == 0 then
    path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
    vim.notify("fairlead: no log of the server is known; this is Neovim's own log of language servers")
  end
  vim.cmd.tabedit(vim.fn.fnameescape(path))
  vim.bo.readonly = true
  vim.bo.modifiable = false
  vim.cmd.normal({ 'G', bang = true })
end

return M
