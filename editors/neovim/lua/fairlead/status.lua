-- What the servers last said about themselves, and how it reads.

local M = {}

---@type table<integer, table>  by client id: the object that docs/protocol.md describes
local last = {}

---@type string?  how the last server ended, when nobody had asked it to
local ended

---@param bufnr integer
---@return vim.lsp.Client?  the client of this buffer, else any
function M.client(bufnr)
  return vim.lsp.get_clients({ name = 'fairlead', bufnr = bufnr })[1] or vim.lsp.get_clients({ name = 'fairlead' })[1]
end

local function changed(status)
  vim.api.nvim_exec_autocmds('User', { pattern = 'FairleadStatus', modeline = false, data = status })
  vim.cmd.redrawstatus({ bang = true })
end

--- Handler of `fairlead/status`, and of whatever else answers with a status.
function M.receive(_, status, ctx)
  if type(status) == 'table' then
    last[ctx.client_id] = status
    ended = nil
    changed(status)
  end
end

--- Notes that a server has ended. Neovim itself reports an exit code and most signals, but not this one.
function M.ended(code, signal, client_id)
  last[client_id] = nil
  if code ~= 0 or signal ~= 0 then
    ended = signal ~= 0 and ('by signal %d'):format(signal) or ('with exit code %d'):format(code)
    if signal == 15 and vim.v.exiting == vim.NIL and not M.stopping then
      vim.notify(('fairlead: the server was ended %s. :FairleadRestart starts it again'):format(ended), vim.log.levels.WARN)
    end
  end
  changed(nil)
end

--- Set while we end a server ourselves.
M.stopping = false

---@param bufnr integer
---@return string
function M.short(bufnr)
  local client = vim.lsp.get_clients({ name = 'fairlead', bufnr = bufnr })[1]
  if not client then
    return ended and 'fairlead: stopped' or ''
  end
  local state = (last[client.id] or { state = 'starting' }).state
  return state == 'ready' and 'fairlead' or 'fairlead: ' .. state
end

---@param client_id integer
---@return table?
function M.last(client_id)
  return last[client_id]
end

--- Why there is no server, in lines for a person.
---@return string[]
function M.absent()
  local lines = { 'fairlead: no server' }
  if ended then
    lines[#lines + 1] = ('  It ended %s. :FairleadRestart starts it again; :FairleadLog may say why.'):format(ended)
    return lines
  end
  local config = vim.lsp.config.fairlead or {}
  local cmd = type(config.cmd) == 'table' and config.cmd[1] or nil
  if cmd and vim.fn.executable(cmd) == 0 then
    lines[#lines + 1] = ('  The command "%s" is not found. `pip install fairlead` brings it, or name it in `cmd`.'):format(cmd)
  elseif vim.lsp.is_enabled and not vim.lsp.is_enabled('fairlead') then
    lines[#lines + 1] = "  It is not enabled: call vim.lsp.enable('fairlead'), or require('fairlead').setup()."
  elseif vim.bo.filetype ~= 'python' then
    lines[#lines + 1] = ('  It serves Python; this buffer is "%s".'):format(vim.bo.filetype)
  else
    lines[#lines + 1] = '  It should be running: see :checkhealth fairlead and :checkhealth vim.lsp.'
  end
  return lines
end

-- JSON's null arrives as vim.NIL, which is true.
local function present(value)
  return value ~= nil and value ~= vim.NIL and value ~= ''
end

local function model_line(model)
  local what = {}
  for _, part in ipairs({ model.device, model.dtype }) do
    if present(part) then
      what[#what + 1] = part
    end
  end
  if present(model.parameters) and model.parameters > 0 then
    what[#what + 1] = ('%.1f M parameters'):format(model.parameters / 1e6)
  end
  local line = ('  model     %s%s'):format(
    present(model.name) and model.name .. ', ' or '',
    present(model.state) and model.state or 'unknown'
  )
  if #what > 0 then
    line = line .. (' (%s)'):format(table.concat(what, ', '))
  end
  return present(model.error) and line .. ': ' .. model.error or line
end

local function number(value)
  return type(value) == 'number' and ('%.0f'):format(value) or '-'
end

--- A status object as lines for a person.
---@param status table
---@return string[]
function M.lines(status)
  local head = 'fairlead: ' .. (present(status.state) and status.state or 'unknown')
  local lines = { present(status.message) and head .. ' - ' .. status.message or head }
  if present(status.nothing) then
    local place = present(status.nothing.path) and vim.fn.fnamemodify(status.nothing.path, ':.') or ''
    if present(status.nothing.line) then
      place = ('%s:%d'):format(place, status.nothing.line)
    end
    lines[#lines + 1] = ('  nothing   %s%s: %s'):format(
      status.nothing.feature or '',
      place ~= '' and ' at ' .. place or '',
      status.nothing.reason or 'no reason given'
    )
  end
  if present(status.model) then
    lines[#lines + 1] = model_line(status.model)
  end
  if present(status.analysis) then
    local again = present(status.restarts) and status.restarts > 0
        and (' (started again %d times, last: %s)'):format(status.restarts, status.restarted or '') or ''
    lines[#lines + 1] = '  analysis  ' .. status.analysis .. again
  end
  for feature, spent in vim.spairs(present(status.latency_ms) and status.latency_ms or {}) do
    if present(spent) and present(spent.count) and spent.count > 0 then
      lines[#lines + 1] = ('  latency   %s: last %s ms, median %s, 95 %% under %s (of %d)'):format(
        feature, number(spent.last), number(spent.p50), number(spent.p95), spent.count)
    end
  end
  for _, problem in ipairs(present(status.problems) and status.problems or {}) do
    lines[#lines + 1] = '  problem   ' .. problem
  end
  if present(status.drift) and status.drift > 0 then
    lines[#lines + 1] = ('  problem   the server lost the text %d times; please report this'):format(status.drift)
  end
  if present(status.log) then
    lines[#lines + 1] = '  log       ' .. status.log
  end
  return vim.tbl_map(function(line)
    return (line:gsub('%s*\n%s*', ' '))
  end, lines)
end

return M
